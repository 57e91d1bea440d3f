#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use hub_events::id::AccountId;
use hub_events::log::memory::Memory;

use super::*;
use crate::tools::testing::call;
use crate::tools::{Registry, Source};
use crate::vault::testing;

const ANN: AccountId = AccountId(1);
const BEN: AccountId = AccountId(2);

struct Given {
    registry: Registry,
    _directory: tempfile::TempDir,
}

fn given() -> Given {
    let (directory, vault) = testing::vault(&[ANN, BEN]);
    let registry = Registry::default();
    let tool = Arc::new(EmailTemplate::new(Memory::new(), vault));
    registry.fill(Source::Hub, vec![tool]).unwrap();
    Given { registry, _directory: directory }
}

impl Given {
    async fn outcome(&self, account: AccountId, arguments: Value) -> Outcome {
        let tool = self.registry.find(account, "email_template").unwrap();
        assert_eq!(tool.faults(&arguments), [], "{arguments}");
        tool.call(call(account, arguments)).await
    }

    async fn done(&self, account: AccountId, arguments: Value) -> Value {
        match self.outcome(account, arguments).await {
            Outcome::Done(result) => result,
            other => panic!("{other:?}"),
        }
    }

    async fn failed(&self, arguments: Value) -> &'static str {
        match self.outcome(ANN, arguments).await {
            Outcome::Failed(failure) => failure.code,
            other => panic!("{other:?}"),
        }
    }
}

fn create(id: &str, category: &str, is_default: bool) -> Value {
    json!({ "operation": "create_template", "template_id": id, "category": category,
        "body": format!("{id}: {{{{ name }}}}"), "is_default": is_default })
}

fn of_category(category: &str) -> Value {
    json!({ "operation": "get_template", "category": category })
}

#[tokio::test]
async fn every_built_in_template_can_be_got_and_filled_in() {
    let given = given();
    let general = given.done(ANN, of_category("general")).await;
    assert_eq!(general["success"], true);
    let template = general["template"].as_object().unwrap();
    let members: Vec<_> = template.keys().map(String::as_str).collect();
    let expected = ["id", "category", "subject_prefix", "body", "priority", "is_default"];
    assert_eq!(members, expected);
    for template in built_in::all() {
        let render = json!({ "operation": "render_template", "template_id": template.id });
        let rendered = given.done(ANN, render).await;
        assert!(!rendered["body"].as_str().unwrap().contains("{{"), "{rendered}");
        assert!(rendered["missing"].as_array().unwrap().contains(&json!("name")), "{rendered}");
    }
}

#[tokio::test]
async fn own_templates_are_kept_listed_and_deleted_and_are_the_accounts_alone() {
    let given = given();
    let built_in = built_in::all().count();
    let made = given.done(ANN, create("mine", "support", false)).await;
    assert_eq!(made["template"]["priority"], "normal");
    let list = given.done(ANN, json!({ "operation": "list_templates" })).await;
    assert_eq!((&list["total"], &list["templates"][0]), (&json!(built_in + 1), &made["template"]));
    let list = json!({ "operation": "list_templates", "category": "support" });
    assert_eq!(given.done(ANN, list.clone()).await["total"], 2);
    assert_eq!(given.done(BEN, list).await["total"], 1);
    let get = json!({ "operation": "get_template", "template_id": "mine" });
    assert_eq!(given.done(ANN, get.clone()).await["template"], made["template"]);
    for deleted in [true, false] {
        let delete = json!({ "operation": "delete_template", "template_id": "mine" });
        assert_eq!(given.done(ANN, delete).await["deleted"], deleted);
    }
    assert_eq!(given.failed(get).await, "template_missing");
    let unnamed = json!({ "operation": "create_template", "category": "x", "body": "y" });
    let made = given.done(ANN, unnamed.clone()).await;
    assert_eq!(made["template"]["id"], uuid::Uuid::from_u128(1).to_string());
    assert_eq!(given.done(ANN, unnamed).await, made);
}

#[tokio::test]
async fn a_default_stands_for_its_category() {
    let given = given();
    let chosen =
        async |category| given.done(ANN, of_category(category)).await["template"]["id"].clone();
    given.done(ANN, create("one", "support", false)).await;
    assert_eq!(chosen("support").await, "support");
    given.done(ANN, create("two", "support", true)).await;
    assert_eq!(chosen("support").await, "two");
    given.done(ANN, create("three", "of-my-own", false)).await;
    assert_eq!(chosen("of-my-own").await, "three");
    assert_eq!(given.failed(of_category("of-nobody")).await, "template_missing");
}

#[tokio::test]
async fn variables_are_filled_in_and_missing_ones_named() {
    let given = given();
    let render = json!({ "operation": "render_template", "category": "invoice",
        "subject": "for {{ name }}",
        "variables": { "name": "Ann\nBcc: x@y", "number": 7, "items": ["tea"], "amount": "3 EUR" } });
    let rendered = given.done(ANN, render).await;
    assert_eq!(rendered["subject"], "Invoice 7: for Ann Bcc: x@y");
    let body = rendered["body"].as_str().unwrap();
    assert!(body.contains("invoice 7 over 3 EUR, due on .\n\n- tea\n"), "{body}");
    assert_eq!(rendered["missing"], json!(["due_date", "sender", "url"]));
    assert_eq!(
        (&rendered["priority"], &rendered["template_id"]),
        (&json!("high"), &json!("invoice"))
    );
}

#[tokio::test]
async fn what_cannot_be_is_told() {
    let given = given();
    let broken = json!({ "operation": "create_template", "category": "x", "body": "{{ name" });
    let built_in = json!({ "operation": "delete_template", "template_id": "general" });
    let table = [
        (broken, "template_unusable"),
        (built_in, "template_built_in"),
        (create("general", "general", true), "template_built_in"),
    ];
    for (arguments, code) in table {
        assert_eq!(given.failed(arguments.clone()).await, code, "{arguments}");
    }
    let faulty = [
        json!({}),
        json!({ "operation": "send_template" }),
        json!({ "operation": "get_template" }),
        json!({ "operation": "get_template", "template_id": "a", "category": "b" }),
        json!({ "operation": "create_template", "category": "x" }),
        json!({ "operation": "create_template", "category": "X Y", "body": "z" }),
        json!({ "operation": "delete_template" }),
        json!({ "operation": "render_template", "category": "x", "variables": [] }),
    ];
    for arguments in faulty {
        let faults = given.registry.find(ANN, "email_template").unwrap().faults(&arguments);
        assert!(!faults.is_empty(), "{arguments}");
    }
    let tool = given.registry.find(ANN, "email_template").unwrap();
    for (operation, class) in [
        ("get_template", Class::Read),
        ("list_templates", Class::Read),
        ("render_template", Class::Read),
        ("create_template", Class::Idempotent),
        ("delete_template", Class::Idempotent),
    ] {
        assert_eq!(tool.class(&json!({ "operation": operation })), class, "{operation}");
    }
}
