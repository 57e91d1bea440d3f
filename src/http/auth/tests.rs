#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use actix_web::test::TestRequest;
use actix_web::web::Data;
use chrono::TimeDelta;
use hub_events::Decider as _;
use hub_events::claim::{Claim, MakeClaim};
use hub_events::id::{AccountId, StreamId};
use serde_json::json;

use super::super::testing::{Answered, OWNER_KEY, hub, register as registered, send, with};
use super::*;
use crate::transact::transact;

fn me(token: &str) -> TestRequest {
    with(token, TestRequest::get().uri("/auth/me"))
}

async fn post(hub: &Data<Hub>, path: &str, body: Value) -> Answered {
    send(hub, TestRequest::post().uri(path).set_json(body)).await
}

async fn login_as(hub: &Data<Hub>, email: &str, password: &str) -> Answered {
    post(hub, "/auth/login", json!({"email": email, "password": password})).await
}

async fn regenerate(hub: &Data<Hub>, token: &str, key: Option<&str>) -> Answered {
    let request = with(token, TestRequest::post().uri("/auth/me/regenerate-api-key"));
    let request = match key {
        Some(key) => request.insert_header(("Idempotency-Key", key)),
        None => request,
    };
    send(hub, request).await
}

fn key_of(answer: &Answered) -> String {
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()["data"]["api_key"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn who_is_not_signed_in_is_told_so_in_the_two_forms() {
    let directory = tempfile::tempdir().unwrap();
    let hub = hub(directory.path(), |_| {}).await;
    let (_, token) = registered(&hub, "ann@example.com").await;
    let forged = format!("{}x", token);
    let cases = [
        (None, "Not authenticated"),
        (Some("Basic YTpi".to_owned()), "Not authenticated"),
        (Some("Bearer".to_owned()), "Not authenticated"),
        (Some("Bearer ".to_owned()), "Not authenticated"),
        (Some("Bearer nonsense".to_owned()), "Could not validate credentials"),
        (Some("Bearer a.b.c".to_owned()), "Could not validate credentials"),
        (Some(format!("Bearer {forged}")), "Could not validate credentials"),
    ];
    for (header, detail) in cases {
        let request = TestRequest::get().uri("/auth/me");
        let request = match &header {
            Some(header) => request.insert_header(("Authorization", header.as_str())),
            None => request,
        };
        let answer = send(&hub, request).await;
        assert_eq!((answer.status, &answer.json()["detail"]), (401, &json!(detail)), "{header:?}");
        assert_eq!(answer.header("WWW-Authenticate"), Some("Bearer"));
    }
    let request = TestRequest::get().uri("/auth/me");
    let request = request.insert_header(("Authorization", format!("bEARER {token}")));
    assert_eq!(send(&hub, request).await.status, 200);
}

#[actix_web::test]
async fn an_account_is_opened_once_and_signs_in_with_its_password() {
    let directory = tempfile::tempdir().unwrap();
    let hub = hub(directory.path(), |_| {}).await;
    let body = json!({"email": " Ann@Example.com ", "password": "a password", "name": "Ann"});
    let answer = post(&hub, "/auth/register", body.clone()).await;
    let data = &answer.json()["data"];
    assert_eq!((answer.status, &data["is_new_user"]), (200, &json!(true)));
    assert_eq!(data["organizations"], json!([]));
    let user = json!({"id": data["user"]["id"], "email": "Ann@Example.com", "name": "Ann",
        "subscription_tier": "free"});
    assert_eq!(data["user"], user);

    let again = json!({"email": "ann@EXAMPLE.com", "password": "another one", "name": "Eve"});
    let answer = post(&hub, "/auth/register", again).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["detail"], "Email already registered");

    let answer = login_as(&hub, "ann@example.com", "a password").await;
    assert_eq!((answer.status, &answer.json()["data"]["user"]), (200, &user));
    assert_eq!(answer.json()["data"]["is_new_user"], false);
    let mut refused = Vec::new();
    for (email, password) in [
        ("ann@example.com", "another one"),
        ("nobody@example.com", "a password"),
        // The owner signs in by key only.
        ("owner@localhost", ""),
    ] {
        let answer = login_as(&hub, email, password).await;
        assert_eq!(answer.status, 401);
        let mut told = answer.json();
        told.as_object_mut().unwrap().remove("instance");
        refused.push(told);
    }
    assert_eq!(refused[0]["detail"], "Incorrect email or password");
    assert!(refused.iter().all(|told| told == &refused[0]), "{refused:?}");
}

#[actix_web::test]
async fn what_makes_no_account_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let hub = hub(directory.path(), |config| config.auth.attempts_per_minute = 0).await;
    for (body, place) in [
        (json!({"password": "long enough", "name": "A"}), "email"),
        (json!({"email": "nobody", "password": "long enough", "name": "A"}), "email"),
        (json!({"email": "a@b", "password": "sesame", "name": "A"}), "password"),
        (json!({"email": "a@b", "password": "long enough", "name": ""}), "name"),
    ] {
        let answer = post(&hub, "/auth/register", body.clone()).await;
        assert_eq!(answer.status, 422, "{body}");
        assert_eq!(answer.json()["detail"][0]["loc"], json!(["body", place]));
        assert!(!answer.json().to_string().contains("sesame"), "{}", answer.json());
    }
}

#[actix_web::test]
async fn a_token_of_one_kind_is_not_taken_for_the_other_and_runs_out() {
    let directory = tempfile::tempdir().unwrap();
    let hub = hub(directory.path(), |_| {}).await;
    registered(&hub, "ann@example.com").await;
    let signed = login_as(&hub, "ann@example.com", "a password").await.json()["data"].clone();
    let (token, refresh) =
        (signed["token"].as_str().unwrap(), signed["refresh_token"].as_str().unwrap());
    assert_eq!(send(&hub, me(refresh)).await.status, 401);
    let refreshed = |token: &str| json!({"refresh_token": token});
    assert_eq!(post(&hub, "/auth/refresh", refreshed(token)).await.status, 401);

    hub.clock.advance(TimeDelta::minutes(30));
    assert_eq!(send(&hub, me(token)).await.status, 401);
    let answer = post(&hub, "/auth/refresh", refreshed(refresh)).await.json();
    assert_eq!(send(&hub, me(answer["data"]["token"].as_str().unwrap())).await.status, 200);
    hub.clock.advance(TimeDelta::days(7));
    assert_eq!(post(&hub, "/auth/refresh", refreshed(refresh)).await.status, 401);
}

#[actix_web::test]
async fn a_new_key_ends_the_one_before_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let hub = hub(directory.path(), |_| {}).await;
    let (id, token) = registered(&hub, "ann@example.com").await;
    let first = key_of(&regenerate(&hub, &token, None).await);
    assert!(first.starts_with("hub_") && first.len() == 47, "{first}");
    assert_eq!(send(&hub, me(&first)).await.json()["data"]["id"], id);
    let second = key_of(&regenerate(&hub, &first, None).await);
    assert_eq!(send(&hub, me(&first)).await.status, 401);
    assert_eq!(send(&hub, me(&second)).await.status, 200);
}

#[actix_web::test]
async fn the_same_request_shows_the_same_key_also_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let (token, first) = {
        let hub = hub(directory.path(), |_| {}).await;
        let (_, token) = registered(&hub, "ann@example.com").await;
        let first = key_of(&regenerate(&hub, &token, Some("k1")).await);
        (token, first)
    };
    let hub = hub(directory.path(), |_| {}).await;
    let head = hub.log.head();
    assert_eq!(key_of(&regenerate(&hub, &token, Some("k1")).await), first);
    assert_ne!(key_of(&regenerate(&hub, &token, Some("k2")).await), first);
    // What was done once is not done again, even where it was undone since.
    assert_eq!(key_of(&regenerate(&hub, &token, Some("k1")).await), first);
    assert_eq!(send(&hub, me(&first)).await.status, 401);
    assert!(hub.log.head() > head);
    for (key, status) in [("", 400), (&*"x".repeat(256), 400), (&*"x".repeat(255), 200)] {
        assert_eq!(regenerate(&hub, &token, Some(key)).await.status, status, "{key}");
    }
    let request = with(&token, TestRequest::post().uri("/auth/me/regenerate-api-key"));
    let request = request.insert_header(("Idempotency-Key", "k1")).set_payload("{}");
    let answer = send(&hub, request).await;
    assert_eq!((answer.status, &answer.json()["code"]), (422, &json!("idempotency_key_reused")));
    // Another account's keys are its own.
    let (_, other) = registered(&hub, "bob@example.com").await;
    assert_ne!(key_of(&regenerate(&hub, &other, Some("k1")).await), first);
}

#[actix_web::test]
async fn a_key_opens_what_it_is_for_and_until_when() {
    let directory = tempfile::tempdir().unwrap();
    let hub = hub(directory.path(), |_| {}).await;
    let (id, _) = registered(&hub, "ann@example.com").await;
    let key = accounts::fresh_key();
    let expires_at = Some(hub.clock.now() + TimeDelta::hours(1));
    let order = KeyOrder { key: &key, scope: Scope::Read, expires_at, replacing: false };
    let context = accounts::by_operator(&hub, AccountId(id));
    accounts::issue_key(&hub, AccountId(id), order, context, None).await.unwrap();
    assert_eq!(send(&hub, me(&key)).await.status, 200);
    let answer = regenerate(&hub, &key, None).await;
    assert_eq!((answer.status, &answer.json()["code"]), (403, &json!("key_reads_only")));
    hub.clock.advance(TimeDelta::hours(1));
    assert_eq!(send(&hub, me(&key)).await.status, 401);
}

#[actix_web::test]
async fn attempts_are_limited_by_address() {
    let directory = tempfile::tempdir().unwrap();
    let hub = hub(directory.path(), |_| {}).await;
    for _ in 0..5 {
        assert_eq!(login_as(&hub, "ann@example.com", "guess").await.status, 401);
    }
    hub.clock.advance(TimeDelta::seconds(20));
    let answer = login_as(&hub, "ann@example.com", "guess").await;
    assert_eq!((answer.status, answer.header("Retry-After")), (429, Some("40")));
    assert_eq!(answer.json()["detail"], "Too many requests. Please try again later.");
    hub.clock.advance(TimeDelta::seconds(40));
    assert_eq!(login_as(&hub, "ann@example.com", "guess").await.status, 401);
}

#[actix_web::test]
async fn only_the_owner_changes_plans_and_the_change_counts_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let hub = hub(directory.path(), |_| {}).await;
    let (id, token) = registered(&hub, "ann@example.com").await;
    let change = |token: &str, id: &str, tier: &str| {
        let request = TestRequest::put().uri(&format!("/admin/accounts/{id}"));
        with(token, request.set_json(json!({"tier": tier})))
    };
    let own = id.to_string();
    let answer = send(&hub, change(&token, &own, "pro")).await;
    assert_eq!((answer.status, &answer.json()["code"]), (403, &json!("owner_only")));
    let answer = send(&hub, change(OWNER_KEY, &own, "pro")).await;
    assert_eq!((answer.status, &answer.json()["data"]["subscription_tier"]), (200, &json!("pro")));
    let answer = send(&hub, me(&token)).await;
    assert_eq!(answer.json()["data"]["subscription_tier"], "pro");
    assert_eq!(answer.header("RateLimit-Policy"), Some("\"daily\";q=10000;w=86400"));
    for (id, tier, status) in [
        ("999999", "pro", 404),
        ("99999999999999999999", "pro", 404),
        ("x", "pro", 422),
        (&*own, "gold", 422),
    ] {
        assert_eq!(send(&hub, change(OWNER_KEY, id, tier)).await.status, status, "{id} {tier}");
    }
    let listed = send(&hub, with(OWNER_KEY, TestRequest::get().uri("/admin/accounts"))).await;
    let listed = listed.json()["data"].clone();
    assert_eq!((&listed[0]["role"], &listed[1]["id"]), (&json!("owner"), &json!(id)));
}

#[actix_web::test]
async fn registration_can_be_closed() {
    let directory = tempfile::tempdir().unwrap();
    let hub = hub(directory.path(), |config| {
        config.auth.registration = Registration::Closed;
    })
    .await;
    let body = json!({"email": "a@b", "password": "long enough", "name": "A"});
    let answer = post(&hub, "/auth/register", body).await;
    assert_eq!((answer.status, &answer.json()["code"]), (403, &json!("registration_closed")));
}

#[actix_web::test]
async fn a_claim_without_an_account_is_completed_by_the_next_attempt() {
    let directory = tempfile::tempdir().unwrap();
    let hub = hub(directory.path(), |_| {}).await;
    let index = accounts::email_index(&hub, "ann@example.com");
    let claim = StreamId::new(Claim::KIND, &format!("email.{index}"));
    let (account, context) = (AccountId(77), accounts::by_operator(&hub, AccountId(77)));
    transact::<Claim>(&hub.log, &claim, MakeClaim { account }, context).await.unwrap();
    let (id, _) = registered(&hub, "ann@example.com").await;
    assert_eq!(id, 77);
    assert_eq!(login_as(&hub, "ann@example.com", "a password").await.status, 200);
}

#[actix_web::test]
async fn an_owner_is_there_from_the_first_start_on() {
    let directory = tempfile::tempdir().unwrap();
    let shown = {
        let hub = hub(directory.path(), |config| config.owner_key = None).await;
        let keys = hub.views.read(|views| views::keys_of(views, accounts::OWNER)).unwrap();
        assert_eq!(keys.len(), 1, "the first start made one");
        assert!(accounts::bootstrap_owner(&hub).await.unwrap().is_none());
        keys
    };
    let hub = hub(directory.path(), |_| {}).await;
    let answer = send(&hub, me(OWNER_KEY)).await.json();
    assert_eq!((&answer["data"]["id"], &answer["data"]["role"]), (&json!(1), &json!("owner")));
    assert_eq!(answer["data"]["subscription_tier"], "enterprise");
    let keys = hub.views.read(|views| views::keys_of(views, accounts::OWNER)).unwrap();
    assert!(keys.len() == 2 && keys.contains(&shown[0]));
}

#[actix_web::test]
async fn neither_words_nor_secrets_are_in_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let hub = hub(directory.path(), |_| {}).await;
    let (_, token) = registered(&hub, "ann@example.com").await;
    let key = key_of(&regenerate(&hub, &token, None).await);
    for event in hub.log.read_all(hub_events::Position(0), 1_000).await.unwrap() {
        for secret in ["ann@example", "Ann", "a password", "argon2", &token, &key, OWNER_KEY] {
            assert!(!event.data.contains(secret), "{secret} is in {}", event.event_type);
        }
    }
}

#[actix_web::test]
async fn the_timeline_shows_an_account_its_own_life_in_pages() {
    let directory = tempfile::tempdir().unwrap();
    let hub = hub(directory.path(), |_| {}).await;
    let (id, token) = registered(&hub, "ann@example.com").await;
    registered(&hub, "bob@example.com").await;
    key_of(&regenerate(&hub, &token, None).await);
    let page =
        |query: &str| with(&token, TestRequest::get().uri(&format!("/audit/timeline{query}")));
    let whole = send(&hub, page("")).await.json();
    let types: Vec<_> =
        whole["data"].as_array().unwrap().iter().map(|m| &m["event_type"]).collect();
    assert_eq!(types, ["account.key_issued", "account.registered", "claim.made"]);
    assert_eq!(whole["data"][0]["actor"], format!("account:{id}"));
    let first = send(&hub, page("?limit=2")).await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = send(&hub, page(&format!("?limit=2&cursor={cursor}"))).await.json();
    assert_eq!((&second["data"][0], &second["next_cursor"]), (&whole["data"][2], &json!(null)));
    assert_eq!(send(&hub, page("?limit=none")).await.status, 422);
}
