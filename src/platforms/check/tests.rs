#![allow(clippy::unwrap_used, clippy::panic)]

use super::super::Platform;

const RIGHT: &str = r#"id = "shop"
name = "Shop"
description = "Sells things to people"
category = "commerce"
tier = "free"
base_url = "https://shop.example"

[config]
key = { required = true, secret = true, description = "A key" }

[[sign_in]]
kind = "bearer"
token = "{key}"

[[tool]]
id = "get_order"
description = "Gives one order with its lines."
path = "/orders/{order}"
[tool.parameters]
order = "The order's number"

[[tool]]
id = "list_orders"
description = "Lists orders, the newest first."
path = "/orders"
items = "/orders"
pages = { kind = "cursor", next = "/next", send = "query:after" }
[tool.parameters]
state = { enum = ["open", "paid"], description = "Only those in this state" }
"#;

#[test]
fn a_right_manifest_has_no_faults() {
    Platform::read(RIGHT).unwrap();
}

/// One change to a manifest that is right, and the fault that it makes: its line, and words.
fn wrong(from: &str, to: &str, line: usize, said: &str) -> Option<String> {
    let text = RIGHT.replacen(from, to, 1);
    assert_ne!(text, RIGHT, "{from}");
    let faults = Platform::read(&text).unwrap_err();
    let shown: Vec<_> = faults.iter().map(ToString::to_string).collect();
    let hit = faults.iter().any(|fault| fault.line == line && fault.to_string().contains(said));
    (!hit).then(|| format!("{from} -> {to}: line {line}: {said}, not {shown:?}"))
}

#[test]
fn faults_have_a_line_and_say_what_was_expected() {
    let misses = [
        ("tier = \"free\"", "tier = \"gold\"", 5, "gold"),
        ("tier = \"free\"", "tier = ", 5, ""),
        ("category", "categry", 4, "categry"),
        ("\"shop\"", "\"Shop\"", 1, "lower-case"),
        ("\"https://shop.example\"", "\"shop.example\"", 6, "https://"),
        ("{key}", "{kee}", 11, "`{kee}` stands for nothing"),
        ("{key}", "{key", 11, "never closed"),
        ("\"bearer\"", "\"carrier\"", 12, "carrier"),
        ("{order}", "{ordre}", 18, "`{ordre}`"),
        ("\"/orders/{order}\"", "\"orders\"", 18, "begins with `/`"),
        ("\"/orders/{order}\"", "\"https://x.example/a\"", 18, "none of `hosts`"),
        ("\"The order's number\"", "{ type = \"text\" }", 20, "string, integer"),
        ("\"The order's number\"", "{ type = \"integer\" }", 20, "`description` is missing"),
        ("items = \"/orders\"\n", "", 26, "`items` is missing"),
        ("path = \"/orders\"\n", "path = \"/orders\"\nrequired = [\"sate\"]\n", 26, "`sate`"),
        ("path = \"/orders\"\n", "path = \"/orders\"\nclass = \"keyed\"\n", 26, "idempotency"),
        ("\"list_orders\"", "\"get_order\"", 22, "two tools"),
        ("[config]", "[compute]\nx = { fn = \"md5\" }\n[config]", 9, "md5"),
        ("state = {", "max_pages = {", 22, "put in by itself"),
        ("{ enum", "{ in = \"query\", name = \"/a\", enum", 29, "JSON pointer"),
    ]
    .map(|(from, to, line, said)| wrong(from, to, line, said));
    let misses: Vec<_> = misses.into_iter().flatten().collect();
    assert!(misses.is_empty(), "\n{}\n", misses.join("\n"));
}

#[test]
fn the_example_of_the_manual_is_right() {
    let manual = include_str!("../../../docs/manifests.md");
    let example = manual.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    Platform::read(example.unwrap()).unwrap();
}
