#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use hub_events::id::CallId;
use hub_events::log::memory::Memory;
use hub_events::testing::epoch;

use super::*;
use crate::clock::Clock;
use crate::config::Quotas;
use crate::vault::testing;

const ANN: AccountId = AccountId(1);
const BEN: AccountId = AccountId(2);

struct Given {
    log: Arc<dyn Log>,
    vault: Arc<Vault>,
    _directory: tempfile::TempDir,
}

fn given() -> Given {
    let (directory, vault) = testing::vault(&[ANN, BEN]);
    Given { log: Memory::new(), vault, _directory: directory }
}

impl Given {
    /// The links as a process that has just begun knows them.
    fn links(&self) -> (Arc<Links>, Arc<Counters>) {
        let log = Arc::clone(&self.log);
        let counters = Counters::new(log, Clock::settable(epoch()), Quotas::default());
        let (log, vault) = (Arc::clone(&self.log), Arc::clone(&self.vault));
        let links = Links::new(log, vault, Arc::clone(&counters), "https://hub.example".into());
        (links, counters)
    }
}

fn call(account: AccountId, id: u128, arguments: Value) -> Call {
    Call {
        id: CallId(uuid::Uuid::from_u128(id)),
        ..crate::tools::testing::call(account, arguments)
    }
}

#[tokio::test]
async fn a_link_is_made_once_per_call_and_found_by_its_code() {
    let given = given();
    let (links, _) = given.links();
    let target = "https://shop.example/a?b=c#d";
    let made = links.shorten(&call(ANN, 1, json!({ "url": target }))).await.unwrap();
    assert_eq!(links.shorten(&call(ANN, 1, json!({ "url": target }))).await.unwrap(), made);
    let other = links.shorten(&call(ANN, 2, json!({ "url": target }))).await.unwrap();
    assert_ne!(other["code"], made["code"]);
    let code = made["code"].as_str().unwrap();
    assert!(code.starts_with("1-"), "{code}");
    assert_eq!(made["short_url"], format!("https://hub.example/l/{code}"));
    let (later, _) = given.links();
    assert_eq!(later.find(code).await.unwrap().unwrap().target.as_str(), target);
    let others = [code.replacen('1', "2", 1), format!("{code}0"), format!("x{code}")];
    let others = others.iter().map(String::as_str);
    for unknown in others.chain(["", "1", "1-", "1-000000000000", "-1-000000000000"]) {
        assert!(later.find(unknown).await.unwrap().is_none(), "{unknown}");
    }
}

#[tokio::test]
async fn visits_outlive_the_process_and_are_for_the_account_alone() {
    let given = given();
    let (links, counters) = given.links();
    let made = links.shorten(&call(ANN, 1, json!({ "url": "http://a.example" }))).await.unwrap();
    let code = made["code"].as_str().unwrap();
    let stats = call(ANN, 2, json!({ "code": made["short_url"] }));
    for expected in 1..=3 {
        counters.count_visit(code);
        assert_eq!(links.stats(&stats).await.unwrap()["visits"], expected);
    }
    counters.record_visits().await;
    counters.count_visit(code);
    assert_eq!(links.stats(&stats).await.unwrap()["visits"], 4);
    // What was not recorded is lost with the process.
    assert_eq!(given.links().0.stats(&stats).await.unwrap()["visits"], 3);
    let stranger = links.stats(&call(BEN, 3, json!({ "code": code }))).await;
    assert_eq!(stranger.unwrap_err().code, "link_missing");
}

#[tokio::test]
async fn a_deleted_link_leads_nowhere() {
    let (links, _) = given().links();
    let made = links.shorten(&call(ANN, 1, json!({ "url": "http://a.example" }))).await.unwrap();
    let code = made["code"].as_str().unwrap();
    assert!(links.find(code).await.unwrap().is_some());
    for (account, deleted) in [(BEN, false), (ANN, true), (ANN, false)] {
        let answer = links.delete(&call(account, 2, json!({ "code": code }))).await.unwrap();
        assert_eq!(answer["deleted"], deleted);
    }
    assert!(links.find(code).await.unwrap().is_none());
}

#[test]
fn a_tracked_address_has_the_parameters_that_are_given() {
    let all = json!({ "source": "mail", "medium": "e mail", "campaign": "x&y", "term": "t",
        "content": "c" });
    let table = [
        (
            "https://a.example/",
            &all,
            "https://a.example/?utm_source=mail&utm_medium=e+mail&utm_campaign=x%26y&utm_term=t&utm_content=c",
        ),
        (
            "https://a.example/p?x=%20&y#top",
            &json!({ "source": "s" }),
            "https://a.example/p?x=%20&y&utm_source=s#top",
        ),
        (
            "https://a.example/?utm_source=old&utm_term=kept",
            &json!({ "source": "new" }),
            "https://a.example/?utm_term=kept&utm_source=new",
        ),
    ];
    for (url, arguments, expected) in table {
        assert_eq!(tracked(url.parse().unwrap(), arguments).as_str(), expected, "{url}");
    }
}
