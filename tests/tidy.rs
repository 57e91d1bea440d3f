//! The house rules as a test: what every file keeps, and which part may use which.
//!
//! A rule is a function from a path and a text to what is wrong there, so each is shown below to
//! catch what it is there for.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "tidy/arrows.rs"]
mod arrows;
#[path = "tidy/events.rs"]
mod events;
#[path = "tidy/manifests.rs"]
mod manifests;
#[path = "tidy/sources.rs"]
mod sources;

use std::path::Path;

use hub_events::fact::Fact;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The project's files with this ending: path and text.
fn files(ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for directory in ["src", "events", "projections", "tests", "benches"] {
        collect(&root().join(directory), ending, &mut found);
    }
    found
}

fn collect(directory: &Path, ending: &str, found: &mut Vec<(String, String)>) {
    // There may be no such directory, and a build directory is none of the project's.
    let Ok(entries) = directory.read_dir() else { return };
    if directory.join("CACHEDIR.TAG").exists() {
        return;
    }
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(&path, ending, found);
        } else if path.extension().is_some_and(|it| it == ending) {
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
            found.push((name.to_owned(), std::fs::read_to_string(&path).unwrap()));
        }
    }
}

fn none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn every_source_file_keeps_the_rules() {
    let files = files("rs");
    assert!(files.iter().any(|(path, _)| path == "src/lib.rs"), "the files are not found");
    let rules = |(path, text): &(String, String)| {
        // The words that are forbidden stand in the rules themselves.
        let by_itself =
            if path.starts_with("tests/tidy") { Vec::new() } else { sources::faults(path, text) };
        [by_itself, arrows::faults(path, text)].concat()
    };
    none(&files.iter().flat_map(rules).collect::<Vec<_>>());
}

#[test]
fn every_manifest_keeps_the_rules() {
    let mut manifests: Vec<_> = ["Cargo.toml", "events/Cargo.toml", "projections/Cargo.toml"]
        .iter()
        .flat_map(|path| manifests::faults(path, &read(path)))
        .collect();
    manifests.extend(manifests::without_reason(&read("Cargo.toml"), &read("docs/dependencies.md")));
    none(&manifests);
}

#[test]
fn the_page_of_events_is_as_the_declarations_are() {
    let sources = files("rs").into_iter().filter(|(path, _)| path.starts_with("events/src/"));
    let told: Vec<_> = sources.flat_map(|(_, text)| events::declared(&text)).collect();
    let mut names: Vec<_> = told.iter().map(|it| (it.name.as_str(), it.schema)).collect();
    let mut known: Vec<_> = Fact::types().collect();
    names.sort_unstable();
    known.sort_unstable();
    assert_eq!(names, known, "declarations are not read as they are");
    let page = events::page(told, &root().join("events/tests/golden")).unwrap();
    let path = root().join("docs/events.md");
    if std::env::var_os("HUB_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(kept, page, "run with HUB_BLESS=1");
}

#[test]
fn the_overview_stays_an_overview() {
    assert!(read("ARCHITECTURE.md").lines().count() < 200);
}

/// A rule catches a bad sample with one fault that says so, and nothing else does.
#[track_caller]
fn caught(rule: fn(&str, &str) -> Vec<String>, path: &str, text: &str, fault: &str) {
    let faults = rule(path, text);
    assert!(faults.len() == 1 && faults[0].contains(fault), "{path}: {faults:?}, not {fault}");
}

#[track_caller]
fn passes(rule: fn(&str, &str) -> Vec<String>, path: &str, text: &str) {
    assert_eq!(rule(path, text), [""; 0], "{path}: {text}");
}

#[test]
fn rules_for_one_file_catch_what_breaks_them() {
    let long = format!("//! Long.\n{}", "\n".repeat(500));
    for (path, text, fault) in [
        ("src/a.rs", &*long, "501 lines"),
        ("src/a/mod.rs", "//! A.", "no mod.rs"),
        ("src/a.rs", "use std::fmt;", "does not open"),
        ("src/a.rs", "//! A.\npub struct KeyManager;", "KeyManager"),
        ("src/a.rs", "//! A.\npub(crate) trait HTTPService<T> {", "HTTPService"),
        ("src/a.rs", "//! A.\npub mod utils;", "utils"),
        ("tests/a.rs", "//! A.\n#[ignore = \"slow\"]\nfn a() {}", "#[ignore"),
        ("src/a.rs", "//! A.\nfn a() { todo!() }", "todo!"),
        ("src/a.rs", "//! A.\nfn a() { unimplemented!() }", "unimplemented!"),
        ("src/a.rs", "//! A.\n// FIXME later", "FIXME"),
        ("src/a.rs", "//! A.\nlet now = Utc::now();", "Utc::now"),
        ("events/src/a.rs", "//! A.\nlet id = uuid::Uuid::new_v4();", "Uuid::new_v4"),
        ("src/a.rs", "//! A.\n#[cfg(test)]\nmod tests {\n}\nUuid::now_v7()", "Uuid::now_v7"),
        ("src/a.rs", "//! A.\n#[cfg(test)]\nmod tests;\nSystemTime::now()", "SystemTime::now"),
    ] {
        caught(sources::faults, path, text, fault);
    }
    for (path, text) in [
        ("src/a.rs", "//! A.\n// Utc::now() is for the clock.\nstruct Servicer;"),
        ("src/a.rs", "//! A.\nuse actix_web::web::ServiceConfig;\nstruct Utility;"),
        ("src/a.rs", "//! A.\n#[cfg(test)]\nmod tests {\n    Utc::now();\n}"),
        ("src/a/tests.rs", "use super::*;\nfn a() { Utc::now(); }"),
        ("src/clock.rs", "//! The clock.\nUtc::now();"),
    ] {
        passes(sources::faults, path, text);
    }
}

#[test]
fn arrows_that_point_back_are_caught() {
    for (path, text, fault) in [
        ("src/egress.rs", "use crate::tools::Registry;", "egress uses tools"),
        ("src/tools/builtin/a.rs", "use crate::effects::Outside;", "tools uses effects"),
        ("src/effects/call.rs", "use crate::{clock, actors::Actors};", "effects uses actors"),
        ("src/actors/feed.rs", "fn a(b: &crate::http::auth::Auth) {}", "actors uses http"),
        ("src/actors/feed.rs", "use super::super::http;", "actors uses http"),
        ("src/vault.rs", "use super::{\n    clock,\n    egress::{Egress, Request},\n};", "egress"),
        ("src/tools.rs", "use crate::Hub;", "tools uses Hub"),
        ("src/accounts.rs", "use crate::http::problem::Problem;", "accounts uses http"),
        ("src/http/a.rs", "use crate::running;", "http uses running"),
        ("src/http/a.rs", "use crate::newcomer::A;", "newcomer has no place"),
        ("src/newcomer.rs", "", "newcomer has no place"),
        ("src/actors/entity.rs", "use hub_projections::Views;", "read models"),
        ("src/effects/call.rs", "hub_projections::unfinished::ready(a)", "read models"),
        ("src/limits.rs", "use actix_web::HttpRequest;", "actix_web"),
        ("src/actors/feed.rs", "use actix_web::rt;", "actix_web"),
    ] {
        caught(arrows::faults, path, text, fault);
    }
    for (path, text) in [
        ("src/http/a.rs", "use crate::{Hub, actors, clock, effects::Plans};\nuse actix_web::web;"),
        ("src/http/auth/a.rs", "use super::super::caller::Caller;\nuse crate::http::page;"),
        ("src/actors/alarms.rs", "use hub_projections::unfinished;\nuse super::Feed;"),
        ("src/effects.rs", "use crate::tools::Tool;\n// crate::http is not used"),
        ("src/egress/tests.rs", "use crate::tools::Registry;"),
        ("src/cli/verify.rs", "use super::data;\nuse hub_projections::accounts;"),
        ("events/src/log.rs", "use crate::recorded::Recorded;"),
    ] {
        passes(arrows::faults, path, text);
    }
}

#[test]
fn manifests_that_know_too_much_are_caught() {
    const LINTS: &str = "[package]\nname = \"a\"\n[lints]\nworkspace = true\n";
    for (path, table, fault) in [
        ("events/Cargo.toml", "[dependencies]\nactix-rt.workspace = true", "actix-rt"),
        ("events/Cargo.toml", "[dev-dependencies]\nreqwest = \"0.13\"", "reqwest"),
        ("events/Cargo.toml", "[target.'cfg(unix)'.dependencies]\nhyper = \"1\"", "hyper"),
        ("events/Cargo.toml", "[dependencies]\nhub-projections.workspace = true", "hub-proj"),
        ("projections/Cargo.toml", "[build-dependencies]\nactix = \"0.13\"", "actix"),
        ("projections/Cargo.toml", "[dependencies]\nx = { package = \"reqwest\" }", "reqwest"),
        ("projections/Cargo.toml", "dependencies = ", "TOML"),
    ] {
        caught(manifests::faults, path, &format!("{LINTS}{table}"), fault);
    }
    caught(manifests::faults, "events/Cargo.toml", "[package]\nname = \"a\"", "lints");
    passes(manifests::faults, "Cargo.toml", &format!("{LINTS}[dependencies]\nactix = \"0.13\""));
}

#[test]
fn a_dependency_without_reason_and_a_reason_without_dependency_are_caught() {
    let root =
        "[workspace.dependencies]\nown = { path = \"own\" }\na = \"1\"\nb = \"1\"\nc = \"1\"";
    let faults =
        manifests::without_reason(root, "| crate | why |\n|---|---|\n| a, d | x |\n| c | y |");
    assert_eq!(
        faults,
        [
            "docs/dependencies.md: no word on why b is there",
            "docs/dependencies.md: d is no dependency",
        ]
    );
}

#[test]
fn declarations_of_events_are_read() {
    let text = "use a;\n\nevents! {\n    /// Of a run.\n    \"run\" {\n        /// It began,\n        \
                /// at last.\n        Begun(Begun) = \"begun\" v 2,\n    }\n}\n\nstruct Begun = 1;\n";
    let (name, about) = ("run.begun".to_owned(), "It began, at last.".to_owned());
    assert_eq!(events::declared(text), [events::Told { name, schema: 2, about }]);
}
