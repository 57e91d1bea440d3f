//! Every tool of every manifest against a server that only looks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod rules;
mod sample;
mod stub;

use hub_events::id::CallId;
use ipnet::IpNet;

use super::*;
use crate::platforms::manifest::{Condition, FieldKind};
use crate::platforms::place::Place;
use crate::platforms::sign_in::SignIn;
use stub::{Reply, Stub};

/// Connections as a test needs them: one set of fields, which learns.
struct Fields(parking_lot::Mutex<Map<String, Value>>);

impl Credentials for Fields {
    fn choose<'a>(
        &'a self,
        _: AccountId,
        _: &'a str,
        named: Option<ConnectionId>,
    ) -> BoxFuture<'a, Result<ConnectionId, CredentialError>> {
        Box::pin(async move { Ok(named.unwrap_or(ConnectionId(1))) })
    }

    fn open(
        &self,
        _: AccountId,
        _: ConnectionId,
    ) -> BoxFuture<'_, Result<Map<String, Value>, CredentialError>> {
        Box::pin(async { Ok(self.0.lock().clone()) })
    }

    fn learnt(
        &self,
        _: AccountId,
        _: ConnectionId,
        fields: Map<String, Value>,
    ) -> BoxFuture<'_, Result<(), CredentialError>> {
        self.0.lock().extend(fields);
        Box::pin(async { Ok(()) })
    }

    fn refused(&self, _: AccountId, _: ConnectionId, why: String) -> BoxFuture<'_, ()> {
        self.0.lock().insert("refused".to_owned(), why.into());
        Box::pin(async {})
    }
}

/// A key that signs nothing outside these tests.
const KEY: &str = include_str!("tests/key.pem");

/// What a field of a connection holds: its name, but where a key or a host is needed.
fn word(name: &str, stub: &Stub) -> Value {
    match name {
        "private_key" => KEY.into(),
        "service_account" => json!({
            "client_email": "hub@example.iam.gserviceaccount.com",
            "private_key": KEY,
            "token_uri": format!("http://127.0.0.1:{}/base/token", stub.port),
        })
        .to_string()
        .into(),
        "index_host" => "index-word-0123456789.svc.pinecone.io".into(),
        name => format!("{name}-word-0123456789").into(),
    }
}

/// A platform at a stub, with fields that tell their names.
struct Bench {
    platform: Arc<Platform>,
    parts: Arc<Parts>,
    fields: Arc<Fields>,
}

impl Bench {
    fn new(platform: &Platform, stub: &Stub) -> Self {
        let address = format!("http://127.0.0.1:{}/base", stub.port).parse().unwrap();
        let platform = Arc::new(platform.clone().at(Some(address)));
        let mut fields = Map::new();
        for (name, field) in platform.manifest().config.iter() {
            let value = match (&field.values, field.kind) {
                (Some(values), _) => values.names().next().unwrap().into(),
                (None, FieldKind::Url) => format!("http://127.0.0.1:{}/base", stub.port).into(),
                (None, FieldKind::Integer) => 42.into(),
                (None, FieldKind::Boolean) => true.into(),
                (None, FieldKind::String) => word(name, stub),
            };
            fields.insert(name.to_owned(), value);
        }
        let fields = Arc::new(Fields(fields.into()));
        let allow: Vec<IpNet> = vec!["127.0.0.0/8".parse().unwrap()];
        let egress = Arc::new(Egress::new(allow).unwrap());
        let credentials: Arc<dyn Credentials> = fields.clone();
        let parts = Arc::new(Parts::new(egress, credentials, Clock::system()));
        Self { platform, parts, fields }
    }

    async fn call(&self, tool: &dyn Tool, arguments: Value, connection: i64) -> Outcome {
        let call = Call {
            id: CallId(crate::clock::uuid()),
            connection: Some(ConnectionId(connection)),
            now: self.parts.clock.now(),
            timeout: Duration::from_secs(10),
            ..crate::tools::testing::call(AccountId(1), arguments)
        };
        tool.call(call).await
    }

    fn secrets(&self) -> Vec<String> {
        let fields = self.fields.0.lock();
        let secret = fields.iter().filter(|(name, _)| self.platform.is_secret(name));
        secret.filter_map(|(_, value)| value.as_str()).map(str::to_owned).collect()
    }
}

fn put(body: &mut Value, place: &Place, value: Value) {
    if let Place::Body(pointer) = place {
        let mut at = body;
        for key in pointer.split('/').skip(1) {
            if !at.is_object() {
                *at = json!({});
            }
            at = at.as_object_mut().unwrap().entry(key).or_insert(Value::Null);
        }
        *at = value;
    }
}

/// An answer for which a condition holds, or does not.
fn meet(body: &mut Value, condition: &Condition, holds: bool) {
    let Condition { at, equals, one_of, present } = condition;
    let right = equals.clone().or_else(|| one_of.as_ref()?.first().cloned());
    let right = right.or_else(|| present.unwrap_or(false).then(|| json!("x")));
    let wrong = || (*present != Some(true)).then(|| json!("wrong"));
    let value = if holds { right } else { wrong() };
    put(body, at, value.unwrap_or_default());
}

/// What a platform answers: a token too, where one is asked for.
fn answer_of(of: Of<'_>, holds: bool) -> Value {
    let mut body = json!({ "access_token": "fresh-token-0123456789", "expires_in": 3600 });
    for way in &of.manifest.sign_in {
        if let SignIn::Token(way) = way {
            put(&mut body, &way.at, "fresh-token-0123456789".into());
        }
        for name in way.gives() {
            if !["access_token", "expires_at", "refresh_token"].contains(&name) {
                body[name] = "learnt-value".into();
            }
        }
    }
    let own = of.operation.answer.success.as_ref();
    if let Some(condition) = own.or(of.manifest.answer.success.as_ref()) {
        meet(&mut body, condition, holds);
    }
    body
}

#[tokio::test]
async fn every_tool_sends_one_request_and_reads_its_answers() {
    let catalogue = Catalogue::embedded();
    let mut faults = Vec::new();
    for platform in catalogue.all() {
        for of in platform.manifest().operations().filter(|of| of.closed().is_none()) {
            let name = of.name();
            let mut note = |what: String| faults.push(format!("{name}: {what}"));
            let stub = Stub::start().await;
            let bench = Bench::new(&platform, &stub);
            let tools = tools_of(&bench.platform, &bench.parts);
            let tool = tools.iter().find(|tool| *tool.card().name == *name).unwrap();
            let schema = &tool.card().schema;
            let validator = jsonschema::options().build(schema).unwrap();
            stub.reply(Reply::json(200, answer_of(of, true)));
            // The first call of each connection fetches a token, where one is needed.
            for connection in 1..=5 {
                bench.call(&**tool, sample::required(schema), connection).await;
            }
            for arguments in [sample::required(schema), sample::all(schema)] {
                if let Some(error) = validator.iter_errors(&arguments).next() {
                    note(format!("sample {arguments} is not valid: {error}"));
                    continue;
                }
                stub.heard();
                let outcome = bench.call(&**tool, arguments.clone(), 1).await;
                let heard = stub.heard();
                if !matches!(outcome, Outcome::Done(_)) {
                    note(format!("{arguments} gave {outcome:?}"));
                }
                let [request] = heard.as_slice() else {
                    note(format!("{} requests, not one: {arguments}", heard.len()));
                    continue;
                };
                if request.method != of.operation.method().as_str() {
                    note(format!(
                        "{} instead of {}",
                        request.method,
                        of.operation.method().as_str()
                    ));
                }
                if !request.target.starts_with("/base") {
                    note(format!("goes to {}", request.target));
                }
                let complete = platform.complete(&bench.fields.0.lock());
                let signs_in = !matches!(platform.sign_in(&complete), Some(SignIn::None) | None);
                if signs_in && !bench.secrets().iter().any(|secret| request.shows(secret)) {
                    let token = request.shows("fresh-token-0123456789");
                    if !token {
                        note("does not sign in".to_owned());
                    }
                }
            }
            let arguments = sample::required(schema);
            let secret = bench.secrets().into_iter().next().unwrap_or_default();
            let mut refusal = answer_of(of, false);
            let own =
                (!of.operation.answer.message.is_empty()).then_some(&of.operation.answer.message);
            let messages = own.unwrap_or(&of.manifest.answer.message);
            for place in messages.iter().rev() {
                put(&mut refusal, place, format!("no such thing {secret}").into());
            }
            stub.reply(Reply::json(422, refusal.clone()));
            let refused = bench.call(&**tool, arguments.clone(), 2).await;
            match refused {
                Outcome::Failed(failure) if !failure.unanswered => {
                    let said = messages.is_empty() || failure.message.contains("no such thing");
                    if !said && messages.iter().any(|place| matches!(place, Place::Body(_))) {
                        note(format!("does not say why: {}", failure.message));
                    }
                    let shown = format!("{failure:?}");
                    if !secret.is_empty() && shown.contains(&secret) {
                        note(format!("shows a secret: {shown}"));
                    }
                }
                other => note(format!("422 gave {other:?}")),
            }
            if of.operation.answer.success.is_some() || of.manifest.answer.success.is_some() {
                stub.reply(Reply::json(200, refusal));
                let refused = bench.call(&**tool, arguments.clone(), 3).await;
                if !matches!(refused, Outcome::Failed(_)) {
                    note(format!("an error with status 200 gave {refused:?}"));
                }
            }
            stub.reply(Reply::json(500, json!({})));
            match bench.call(&**tool, arguments.clone(), 4).await {
                Outcome::Failed(failure)
                    if failure.unanswered != tool.class(&arguments).repeatable() => {}
                other => note(format!("500 gave {other:?}")),
            }
            stub.reply(Reply {
                headers: vec![("Retry-After", "7")],
                ..Reply::json(429, json!({}))
            });
            match bench.call(&**tool, arguments, 5).await {
                Outcome::Failed(failure) if failure.retryable && failure.retry_after.is_some() => {}
                other => note(format!("429 gave {other:?}")),
            }
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[tokio::test]
async fn a_wait_that_one_call_hears_of_holds_for_all_of_its_connection() {
    let platform = Catalogue::embedded().get("github").unwrap();
    let stub = Stub::start().await;
    let bench = Bench::new(&platform, &stub);
    let tools = tools_of(&bench.platform, &bench.parts);
    stub.reply(Reply { headers: vec![("Retry-After", "3600")], ..Reply::json(429, json!({})) });
    bench.call(&*tools[0], json!({}), 1).await;
    stub.reply(Reply::json(200, json!({})));
    stub.heard();
    let waiting = bench.call(&*tools[0], json!({}), 1).await;
    assert!(
        matches!(&waiting, Outcome::Failed(it) if it.code == "waiting" && it.retryable),
        "{waiting:?}"
    );
    assert!(stub.heard().is_empty(), "nothing is sent");
    let other = bench.call(&*tools[0], json!({}), 2).await;
    assert!(matches!(other, Outcome::Done(_)), "another connection does not wait");
}

#[tokio::test]
async fn pages_are_joined_and_followed_on_the_same_host_alone() {
    let platform = Catalogue::embedded().get("github").unwrap();
    let stub = Stub::start().await;
    let bench = Bench::new(&platform, &stub);
    let tools = tools_of(&bench.platform, &bench.parts);
    let list = tools.iter().find(|tool| &*tool.card().name == "github_list_repos").unwrap();
    let own = format!("<http://127.0.0.1:{}/base/two?page=2>; rel=\"next\"", stub.port);
    let page = |link: String, id: i64| Reply::json(200, json!([{ "id": id }])).with("Link", link);
    stub.replies([
        page(own.clone(), 1),
        page("<https://evil.example/x>; rel=\"next\"".to_owned(), 2),
    ]);
    let all = bench.call(&**list, json!({ "max_pages": 5 }), 1).await;
    assert_eq!(all, Outcome::Done(json!([{ "id": 1 }, { "id": 2 }])));
    let heard = stub.heard();
    assert_eq!(heard.len(), 2);
    assert_eq!(heard[1].target, "/base/two?page=2");
    assert!(heard[1].shows("access_token-word-0123456789"));
    stub.replies([page(own, 1)]);
    let first = bench.call(&**list, json!({}), 1).await;
    assert_eq!(first, Outcome::Done(json!([{ "id": 1 }])), "one page where nothing is said");

    let platform = Catalogue::embedded().get("slack").unwrap();
    let bench = Bench::new(&platform, &stub);
    let tools = tools_of(&bench.platform, &bench.parts);
    let list = tools.iter().find(|tool| &*tool.card().name == "slack_list_channels").unwrap();
    let page = |id: i64, next: &str| {
        let body =
            json!({ "ok": true, "channels": [id], "response_metadata": { "next_cursor": next } });
        Reply::json(200, body)
    };
    stub.replies([page(1, "c=="), page(2, "")]);
    stub.heard();
    let Outcome::Done(all) = bench.call(&**list, json!({ "max_pages": 5 }), 1).await else {
        panic!()
    };
    assert_eq!(
        (&all["channels"], &all["response_metadata"]["next_cursor"]),
        (&json!([1, 2]), &json!(""))
    );
    assert!(stub.heard()[1].target.contains("cursor=c%3D%3D"));
}

#[tokio::test]
async fn a_keyed_call_sends_its_id_and_a_stripe_body_has_brackets() {
    let platform = Catalogue::embedded().get("stripe").unwrap();
    let stub = Stub::start().await;
    let bench = Bench::new(&platform, &stub);
    let tools = tools_of(&bench.platform, &bench.parts);
    let link =
        tools.iter().find(|tool| &*tool.card().name == "stripe_create_payment_link").unwrap();
    assert_eq!(link.class(&json!({})), Class::Keyed);
    let arguments = json!({ "line_items": [{ "price": "price_1", "quantity": 2 }] });
    bench.call(&**link, arguments, 1).await;
    let heard = stub.heard();
    let body = heard[0].body.replace("%5B", "[").replace("%5D", "]");
    assert_eq!(body, "line_items[0][price]=price_1&line_items[0][quantity]=2");
    assert_eq!(heard[0].header("idempotency-key").map(str::len), Some(36));
}
