//! What the free plan lacks of platforms that it has: writing to them (contract, section 1.7).
//!
//! Never here: which platforms a plan has, or who is asking.

use hub_events::account::Tier;
use serde_json::Value;

/// A group of operations that write.
struct Feature {
    name: &'static str,
    /// What it allows, in words.
    allows: &'static str,
    /// Platforms, and their operations that belong to it.
    operations: &'static [(&'static [&'static str], &'static [&'static str])],
}

const MAIL: &[&str] = &["send_email", "send", "reply", "forward", "compose", "reply_email"];
const EVENTS: &[&str] =
    &["create", "create_event", "update", "update_event", "delete", "delete_event"];
const TASKS: &[&str] = &[
    "create",
    "create_issue",
    "create_card",
    "create_task",
    "update",
    "update_issue",
    "update_card",
    "update_task",
    "comment",
    "add_comment",
    "move",
    "move_card",
    "transition",
    "transition_issue",
];

const FEATURES: &[Feature] = &[
    Feature {
        name: "inbox_send",
        allows: "send and reply to messages",
        operations: &[
            (&["gmail", "outlook", "microsoft_outlook"], MAIL),
            (&["slack", "teams", "microsoft_teams"], &["send_message", "post_message"]),
            (&["whatsapp", "whatsapp_business"], &["send_message", "send_template"]),
        ],
    },
    Feature {
        name: "calendar_create_edit",
        allows: "create and edit calendar events",
        operations: &[(&["google_calendar", "outlook_calendar"], EVENTS)],
    },
    Feature {
        name: "tasks_create_update",
        allows: "create and update tasks",
        operations: &[(&["jira", "trello", "asana", "clickup"], TASKS)],
    },
];

/// What a plan lacks for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lacking {
    /// The feature.
    pub feature: &'static str,
    /// What it would allow, in words.
    pub allows: &'static str,
}

/// What a plan lacks for a call of a platform's tool with these arguments; none where it has all.
/// The operation stands in the tool's name, or in the argument `operation` or `action`.
pub fn lacking(tier: Tier, platform: &str, tool: &str, arguments: &Value) -> Option<Lacking> {
    if tier > Tier::Free {
        return None;
    }
    let named = tool.strip_prefix(platform).and_then(|rest| rest.strip_prefix('_'));
    let said = ["operation", "action"].iter().filter_map(|key| arguments.get(key)?.as_str());
    let operations: Vec<_> = named.into_iter().chain(said).collect();
    let belongs = |(platforms, writes): &(&[&str], &[&str])| {
        platforms.contains(&platform) && operations.iter().any(|it| writes.contains(it))
    };
    let feature = FEATURES.iter().find(|feature| feature.operations.iter().any(belongs))?;
    Some(Lacking { feature: feature.name, allows: feature.allows })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_free_plan_reads_and_does_not_write() {
        for (platform, tool, arguments, feature) in [
            ("slack", "slack_send_message", json!({}), Some("inbox_send")),
            ("slack", "slack_list_channels", json!({}), None),
            ("gmail", "gmail_mail", json!({ "action": "reply" }), Some("inbox_send")),
            (
                "outlook_calendar",
                "outlook_calendar_create_event",
                json!({}),
                Some("calendar_create_edit"),
            ),
            ("trello", "trello_create_card", json!({}), Some("tasks_create_update")),
            (
                "trello",
                "trello_boards",
                json!({ "operation": "move" }),
                Some("tasks_create_update"),
            ),
            ("github", "github_create_issue", json!({}), None),
        ] {
            let lacks = |tier| lacking(tier, platform, tool, &arguments).map(|it| it.feature);
            assert_eq!(lacks(Tier::Free), feature, "{tool}");
            assert_eq!(lacks(Tier::Starter), None, "{tool}");
        }
    }
}
