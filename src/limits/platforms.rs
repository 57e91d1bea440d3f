//! Which plan a platform needs: the lists of the contract, section 1.7, by platform id.
//!
//! A platform that stands in no list needs the plan that its manifest names. Never here: who is
//! asking.

use hub_events::account::Tier;

/// Platforms by the smallest plan that has them. Plans from `pro` on have all.
const PLATFORMS: [(Tier, &[&str]); 3] = [
    (
        Tier::Free,
        &[
            "asana",
            "clickup",
            "context_tools",
            "gmail",
            "google_calendar",
            "google_workspace",
            "jira",
            "microsoft_outlook",
            "microsoft_teams",
            "mpesa",
            "outlook",
            "slack",
            "teams",
            "trello",
            "whatsapp",
            "whatsapp_business",
        ],
    ),
    (Tier::Starter, &["kra_portal", "outlook_calendar", "zoho_crm"]),
    (
        Tier::Business,
        &[
            "airtel",
            "airtel_money",
            "equity",
            "equity_bank",
            "facebook",
            "facebook_marketing",
            "ga4",
            "google_analytics",
            "hubspot",
            "instagram",
            "instagram_graph",
            "jumia",
            "kilimall",
            "linkedin",
            "linkedin_ads",
            "notion",
            "pesapal",
            "power_bi",
            "powerbi",
            "quick_books",
            "quickbooks",
            "salesforce",
            "shopify",
            "stripe",
            "tiktok",
            "twitter",
            "twitter_ads",
            "xero",
            "zoho_books",
            "zoom",
        ],
    ),
];

/// From this plan on every platform can be connected.
const EVERYTHING: Tier = Tier::Pro;

/// A platform that a plan does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpgradeRequired {
    /// The smallest plan that has it; the smallest of all where no plan knows it.
    pub tier: Tier,
}

/// Whether a plan has a platform; `named` is the plan that its manifest names, where it has one.
pub fn allowed(tier: Tier, platform: &str, named: Option<Tier>) -> Result<(), UpgradeRequired> {
    let platform = platform.to_lowercase();
    let listed = PLATFORMS.iter().find(|(_, ids)| ids.contains(&platform.as_str()));
    let needed = listed.map(|(tier, _)| *tier).or(named);
    match needed {
        _ if tier >= EVERYTHING => Ok(()),
        Some(needed) if tier >= needed => Ok(()),
        needed => Err(UpgradeRequired { tier: needed.unwrap_or(Tier::Free) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_has_its_own_platforms_and_those_of_smaller_plans() {
        let refused = |tier| Err(UpgradeRequired { tier });
        for (tier, platform, named, then) in [
            (Tier::Free, "slack", None, Ok(())),
            (Tier::Free, "Slack", None, Ok(())),
            (Tier::Free, "zoho_crm", None, refused(Tier::Starter)),
            (Tier::Starter, "zoho_crm", None, Ok(())),
            (Tier::Starter, "hubspot", None, refused(Tier::Business)),
            (Tier::Business, "hubspot", None, Ok(())),
            // The lists go before the manifest.
            (Tier::Free, "slack", Some(Tier::Pro), Ok(())),
            (Tier::Free, "telegram", Some(Tier::Free), Ok(())),
            (Tier::Business, "paystack", Some(Tier::Pro), refused(Tier::Pro)),
            (Tier::Pro, "paystack", Some(Tier::Pro), Ok(())),
            (Tier::Business, "nothing", None, refused(Tier::Free)),
            (Tier::Pro, "nothing", None, Ok(())),
            (Tier::Enterprise, "nothing", None, Ok(())),
        ] {
            assert_eq!(allowed(tier, platform, named), then, "{tier:?} {platform}");
        }
    }
}
