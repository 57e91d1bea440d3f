#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

fn platform(sign_in: &str) -> Platform {
    let text = format!(
        "id = \"shop\"\nname = \"Shop\"\ndescription = \"Sells things to people\"\n\
         category = \"tests\"\ntier = \"free\"\nbase_url = \"https://shop.example/v1\"\n\
         [config]\nclient_id = \"x\"\n[[sign_in]]\n{sign_in}"
    );
    let text = text.replace(
        "client_id = \"x\"",
        "client_id = { description = \"a\" }\nclient_secret = { secret = true, description = \"b\" }\n\
         account = { description = \"c\" }\nservice = { secret = true, description = \"d\" }",
    );
    Platform::read(&text).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn values() -> Values {
    let values = json!({ "client_id": "me", "client_secret": "s&cret", "account": "a 1",
        "refresh_token": "old" });
    values.as_object().unwrap().clone()
}

fn form(asking: &Asking) -> Vec<(String, String)> {
    url::form_urlencoded::parse(asking.body.as_ref().unwrap().as_bytes()).into_owned().collect()
}

fn has(asking: &Asking, name: &str, value: &str) -> bool {
    form(asking).iter().any(|(known, held)| known == name && held == value)
}

const OAUTH: &str = "kind = \"oauth2\"\nauthorize_url = \"https://auth.example/go\"\n\
    token_url = \"/token\"\nscopes = [\"a\", \"b\"]\nauthorize = { access_type = \"offline\" }\n\
    learn = { api_domain = \"/api_domain\" }\n";

fn oauth(platform: &Platform) -> &OAuth2 {
    match &platform.manifest().sign_in[0] {
        SignIn::OAuth2(way) => way,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_person_is_sent_to_agree_with_state_and_challenge() {
    let platform = platform(OAUTH);
    // The pair of RFC 7636, appendix B.
    let challenge = challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    assert_eq!(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    let redirect = "https://hub.example/cb".parse().unwrap();
    let url =
        authorize(&platform, oauth(&platform), &values(), &redirect, "st", &challenge).unwrap();
    let query: HashMap<_, _> = url.query_pairs().into_owned().collect();
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "me"),
        ("state", "st"),
        ("redirect_uri", "https://hub.example/cb"),
        ("scope", "a b"),
        ("access_type", "offline"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(query[name], value, "{name}");
    }
}

#[test]
fn codes_and_refresh_tokens_are_exchanged() {
    let platform = platform(OAUTH);
    let redirect = "https://hub.example/cb".parse().unwrap();
    let asking =
        exchange(&platform, oauth(&platform), &values(), "c", &redirect, "verifier").unwrap();
    assert_eq!(asking.url.as_str(), "https://shop.example/v1/token");
    for (name, value) in [
        ("grant_type", "authorization_code"),
        ("code", "c"),
        ("code_verifier", "verifier"),
        ("client_id", "me"),
        ("client_secret", "s&cret"),
    ] {
        assert!(has(&asking, name, value), "{name}");
    }
    let asking = refresh(&platform, oauth(&platform), &values()).unwrap();
    assert!(has(&asking, "grant_type", "refresh_token") && has(&asking, "refresh_token", "old"));
    assert!(!format!("{asking:?}").contains("old"));
}

#[test]
fn tokens_without_a_person_are_asked_for() {
    let zoom = platform(
        "kind = \"client_credentials\"\ntoken_url = \"https://zoom.example/oauth/token\"\n\
         grant = \"account_credentials\"\nclient = \"basic\"\ntoken = { account_id = \"{account}\" }\n",
    );
    let asking = ask(&zoom, &zoom.manifest().sign_in[0], &values(), DateTime::UNIX_EPOCH).unwrap();
    assert!(has(&asking, "grant_type", "account_credentials") && has(&asking, "account_id", "a 1"));
    assert!(asking.headers.contains(&basic("me", "s&cret")));
    let mpesa = platform(
        "kind = \"token\"\nmethod = \"GET\"\nurl = \"/oauth/generate\"\n\
         query = { grant_type = \"client_credentials\" }\nbasic = [\"{client_id}\", \"{client_secret}\"]\n",
    );
    let asking =
        ask(&mpesa, &mpesa.manifest().sign_in[0], &values(), DateTime::UNIX_EPOCH).unwrap();
    assert_eq!(asking.method, Method::Get);
    let expected = "https://shop.example/v1/oauth/generate?grant_type=client_credentials";
    assert_eq!((asking.url.as_str(), asking.body), (expected, None));
    let airtel = platform(
        "kind = \"token\"\nurl = \"/auth\"\njson = { id = \"{client_id}\", deep = { secret = \"{client_secret}\" } }\n",
    );
    let asking =
        ask(&airtel, &airtel.manifest().sign_in[0], &values(), DateTime::UNIX_EPOCH).unwrap();
    let body: Value = serde_json::from_str(&asking.body.unwrap()).unwrap();
    assert_eq!(body, json!({ "id": "me", "deep": { "secret": "s&cret" } }));
    let google = platform(
        "kind = \"service_account\"\nkey = \"{service}\"\ntoken_url = \"/token\"\nscopes = []\n",
    );
    let mut with_key = values();
    with_key.insert(
        "service".into(),
        "{\"client_email\":\"a@x.example\",\"private_key\":\"no\"}".into(),
    );
    let refused = ask(&google, &google.manifest().sign_in[0], &with_key, DateTime::UNIX_EPOCH);
    assert_eq!(refused, Err(AskError::Key));
}

#[test]
fn answers_give_tokens_or_say_why_not() {
    let platform = platform(OAUTH);
    let way = &platform.manifest().sign_in[0];
    let now = DateTime::UNIX_EPOCH;
    let body = json!({ "access_token": "new", "refresh_token": "next", "expires_in": "60",
        "api_domain": "https://eu.example" });
    let fields = read(way, 200, body.to_string().as_bytes(), now).unwrap();
    assert_eq!(
        Value::Object(fields),
        json!({ "access_token": "new", "refresh_token": "next",
        "expires_at": "1970-01-01T00:01:00+00:00", "api_domain": "https://eu.example" })
    );
    let endless = read(way, 200, b"{\"access_token\":\"new\"}", now).unwrap();
    assert_eq!(endless["expires_at"], Value::Null);
    for (status, body, said, lasting) in [
        (400, "{\"error\":\"invalid_grant\",\"error_description\":\"old\"}", "invalid_grant", true),
        (200, "{\"error\":\"bad_verification_code\"}", "bad_verification_code", true),
        (503, "<html>", "status 503", false),
        (200, "", "status 200", true),
    ] {
        let refused = read(way, status, body.as_bytes(), now).unwrap_err();
        assert_eq!((refused.said.as_str(), refused.lasting), (said, lasting));
    }
}
