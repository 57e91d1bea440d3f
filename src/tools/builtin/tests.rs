#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::sync::Arc;

use chrono::{DateTime, Utc};
use hub_events::Class;
use hub_events::id::AccountId;
use hub_events::log::Log;
use serde_json::{Value, json};

use super::web_tools::Links;
use crate::clock::Clock;
use crate::config::Quotas;
use crate::counters::Counters;
use crate::expressions::Context;
use crate::tools::{Call, Failure, Fault, Outcome, Registry, Source, testing};

const ANN: AccountId = AccountId(1);

fn faults(name: &str, arguments: &Value) -> Vec<Fault> {
    registry().find(ANN, name).expect("a tool").faults(arguments)
}

fn registry() -> Registry {
    let egress = Arc::new(crate::egress::Egress::new(Vec::new()).expect("a client"));
    let (_directory, vault) = crate::vault::testing::vault(&[]);
    let log: Arc<dyn Log> = hub_events::log::memory::Memory::new();
    let counters = Counters::new(Arc::clone(&log), Clock::settable(now()), Quotas::default());
    let (own_log, own_vault) = (Arc::clone(&log), Arc::clone(&vault));
    let links = Links::new(own_log, own_vault, counters, "http://hub.example".to_owned());
    let registry = Registry::default();
    let tools = super::tools(super::Parts { egress, log, vault, links });
    registry.fill(Source::Hub, tools).expect("no name twice");
    registry
}

fn now() -> DateTime<Utc> {
    "2026-01-31T09:00:00Z".parse().expect("a moment")
}

fn context() -> Context {
    let input = json!({"threshold": 2});
    let mut context = Context::of_run(input.as_object().cloned().unwrap_or_default(), None, None);
    let items = json!({"items": [{"n": 1}, {"n": 2}, {"n": 3}]});
    context.record(1, None, Arc::new(items));
    context
}

async fn call(name: &str, arguments: Value, context: Option<Context>) -> Outcome {
    let registry = registry();
    let tool = registry.find(ANN, name).expect("a tool");
    assert_eq!(tool.class(&arguments), Class::Read);
    tool.call(Call { context, now: now(), ..testing::call(ANN, arguments) }).await
}

#[tokio::test]
async fn variables_are_given_back() {
    for arguments in [json!({}), json!({"a": 1, "b": {"c": [null]}})] {
        assert!(faults("set_variables", &arguments).is_empty());
        let outcome = call("set_variables", arguments.clone(), None).await;
        assert_eq!(outcome, Outcome::Done(arguments));
    }
}

#[tokio::test]
async fn values_are_transformed() {
    let jinja = |expression| json!({"expression": expression, "language": "jinja"});
    let table = [
        (json!({"expression": ".step_1.items | map(.n) | add"}), json!(6)),
        (json!({"expression": ".steps.step_1.items[].n"}), json!([1, 2, 3])),
        (json!({"expression": ".input.threshold", "language": "jq"}), json!(2)),
        (json!({"expression": ".a + 1", "input": {"a": 1}}), json!(2)),
        (json!({"expression": ".", "input": null}), json!(null)),
        (json!({"expression": "empty"}), json!(null)),
        (
            jinja("step_1['items']|map(attribute='n')|select('gt', input.threshold)|list"),
            json!([3]),
        ),
        (jinja("threshold * 1.5"), json!(3.0)),
        (jinja("{'n': threshold, 'name': 'x' ~ 1}"), json!({"n": 2, "name": "x1"})),
        (jinja("step_1"), json!({"items": [{"n": 1}, {"n": 2}, {"n": 3}]})),
        (json!({"expression": "input.a", "language": "jinja", "input": {"a": [1]}}), json!([1])),
    ];
    for (arguments, expected) in table {
        assert!(faults("transform", &arguments).is_empty(), "{arguments}");
        let outcome = call("transform", arguments.clone(), Some(context())).await;
        let expected = Outcome::Done(json!({"success": true, "result": expected}));
        assert_eq!(outcome, expected, "{arguments}");
    }
}

#[tokio::test]
async fn a_transformation_that_fails_says_so() {
    let jinja = |expression| json!({"expression": expression, "language": "jinja"});
    let table = [
        (json!({"expression": "nofilter"}), "cannot be read: filter nofilter is not defined"),
        (json!({"expression": ".input + 1"}), "cannot calculate {\"threshold\":2} + 1"),
        (json!({"expression": "def f: f; f"}), "does more work"),
        (json!({"expression": "reduce range(1000) as $i (0; [.])"}), "nested too deep"),
        (jinja("1 +"), "the expression cannot be read"),
        (jinja("nope.deep"), "the expression failed: undefined value"),
        (jinja("('x' * 10000000000)|length"), "does more work"),
    ];
    for (arguments, expected) in table {
        let outcome = call("transform", arguments.clone(), Some(context())).await;
        let Outcome::Failed(Failure { code, message, retryable, .. }) = outcome else {
            panic!("{arguments} gave {outcome:?}")
        };
        assert_eq!((code, retryable), ("transform_failed", false), "{arguments}");
        assert!(message.contains(expected), "{arguments}: {message}");
    }
}

#[tokio::test]
async fn a_wait_is_put_off_until_its_moment() {
    let table = [
        (json!({"seconds": 0}), "2026-01-31T09:00:00+00:00"),
        (json!({"seconds": 1.5}), "2026-01-31T09:00:01.500+00:00"),
        (json!({"seconds": 31622400}), "2027-02-01T09:00:00+00:00"),
        (json!({"until": "2026-02-01T00:00:00+01:00"}), "2026-01-31T23:00:00+00:00"),
        (json!({"until": "2020-01-01T00:00:00Z"}), "2020-01-01T00:00:00+00:00"),
    ];
    for (arguments, expected) in table {
        assert!(faults("wait", &arguments).is_empty(), "{arguments}");
        let outcome = call("wait", arguments.clone(), None).await;
        let until = expected.parse().expect("a moment");
        let result = json!({"success": true, "waited_until": expected});
        assert_eq!(outcome, Outcome::Deferred { until, result }, "{arguments}");
    }
}

#[tokio::test]
async fn arguments_are_checked() {
    let long = format!("http://a.example/{}", "x".repeat(2_048));
    let table = [
        ("wait", json!({})),
        ("wait", json!({"seconds": 1, "until": "2026-02-01T00:00:00Z"})),
        ("wait", json!({"seconds": -1})),
        ("wait", json!({"seconds": 31622401})),
        ("wait", json!({"until": "tomorrow"})),
        ("wait", json!({"seconds": 1, "more": 1})),
        ("transform", json!({})),
        ("transform", json!({"expression": ""})),
        ("transform", json!({"expression": ".", "language": "python"})),
        ("web_tools", json!({"operation": "generate_short_link"})),
        ("web_tools", json!({"operation": "generate_short_link", "url": "ftp://a.example"})),
        ("web_tools", json!({"operation": "generate_short_link", "url": long})),
        ("web_tools", json!({"operation": "generate_tracking_link", "url": "http://a.example"})),
        ("web_tools", json!({"operation": "get_link_stats"})),
        ("web_tools", json!({"operation": "delete_link", "url": "http://a.example"})),
    ];
    for (name, arguments) in table {
        assert!(!faults(name, &arguments).is_empty(), "{name} {arguments}");
    }
    let far = call("wait", json!({"until": "2030-01-01T00:00:00Z"}), None).await;
    assert!(matches!(far, Outcome::Failed(_)), "{far:?}");
    let empty = call("transform", json!({"expression": ". == null"}), None).await;
    assert_eq!(empty, Outcome::Done(json!({"success": true, "result": true})));
}
