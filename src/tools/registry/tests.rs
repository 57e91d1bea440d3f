#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use futures_util::future::BoxFuture;
use hub_events::Class;
use serde_json::json;

use super::*;
use crate::tools::{Call, Outcome};

struct Named(Card);

impl Tool for Named {
    fn card(&self) -> &Card {
        &self.0
    }

    fn class(&self, _: &Value) -> Class {
        Class::Read
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Outcome> {
        Box::pin(std::future::ready(Outcome::Done(call.arguments)))
    }
}

const ANN: AccountId = AccountId(1);
const BEN: AccountId = AccountId(2);

fn tools(names: &[&str]) -> Vec<Arc<dyn Tool>> {
    let named = |name: &&str| Arc::new(Named(Card::new(*name, "", "", json!({})))) as Arc<dyn Tool>;
    names.iter().map(named).collect()
}

fn names(registry: &Registry, account: AccountId) -> Vec<String> {
    registry.all(account).iter().map(|tool| tool.card().name.to_string()).collect()
}

#[test]
fn every_account_sees_what_is_common_and_what_is_its_own() {
    let registry = Registry::default();
    let own = |account, connection| Source::Connection(account, ConnectionId(connection));
    registry.fill(own(ANN, 7), tools(&["mcp_files_read"])).unwrap();
    registry.fill(own(BEN, 8), tools(&["mcp_files_read", "mcp_files_write"])).unwrap();
    registry.fill(Source::Platforms, tools(&["slack_send_message"])).unwrap();
    registry.fill(Source::Hub, tools(&["wait"])).unwrap();
    assert_eq!(names(&registry, ANN), ["wait", "slack_send_message", "mcp_files_read"]);
    assert!(registry.find(ANN, "mcp_files_write").is_none());
    assert!(registry.find(BEN, "mcp_files_write").is_some());
    registry.fill(Source::Platforms, tools(&["github_create_issue"])).unwrap();
    registry.clear(own(ANN, 7));
    assert_eq!(names(&registry, ANN), ["wait", "github_create_issue"]);
}

#[test]
fn a_name_that_is_taken_changes_nothing() {
    let registry = Registry::default();
    registry.fill(Source::Hub, tools(&["wait"])).unwrap();
    let own = Source::Connection(ANN, ConnectionId(7));
    for (source, some) in
        [(own, vec!["a", "wait"]), (Source::Platforms, vec!["wait"]), (own, vec!["a", "a"])]
    {
        assert!(registry.fill(source, tools(&some)).is_err(), "{source:?} {some:?}");
        assert_eq!(names(&registry, ANN), ["wait"]);
    }
}

#[test]
fn a_schema_that_is_none_is_a_fault_and_no_panic() {
    let registry = Registry::default();
    let broken = Named(Card::new("broken", "", "", json!({ "type": 5 })));
    registry.fill(Source::Hub, vec![Arc::new(broken)]).unwrap();
    let faults = registry.find(ANN, "broken").unwrap().faults(&json!({}));
    assert!(faults[0].message.contains("not valid"), "{faults:?}");
}
