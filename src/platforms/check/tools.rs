//! Whether a tool is right in itself and beside the others.
//!
//! Never here: the platform's own part.

use hub_events::Class;
use serde_json::Value;
use url::Url;

use super::Found;
use super::names::{computed, headers, is_id, known, template, trees, unknown};
use crate::platforms::manifest::{Encoding, Idempotency, Manifest};
use crate::platforms::operation::{CONNECTION, Goes, MAX_PAGES, Of};
use crate::platforms::parameter::{Parameter, Position};

/// Longest name of a tool that models take.
const LONGEST_NAME: usize = 64;

/// From here on a description says something.
const SHORTEST_DESCRIPTION: usize = 15;

/// What is wrong with one tool.
pub(super) fn operation(of: Of<'_>, found: &mut Found) {
    let Of { manifest, operation } = of;
    let at = ["tool", operation.id.as_str()];
    if !is_id(&operation.id) {
        found.at(&at, "`id`: expected lower-case letters, digits and `_`, a letter first");
    }
    if of.name().len() > LONGEST_NAME {
        found.at(&at, format!("its name is longer than {LONGEST_NAME} signs"));
    }
    if operation.description.trim().len() < SHORTEST_DESCRIPTION {
        found.at(&at, "`description`: expected a sentence by which it can be chosen");
    }
    path(of, found);
    listed(of, found);
    for (name, parameter) in operation.parameters.iter() {
        self::parameter(of, name, parameter, found);
    }
    body(of, found);
    let own = of.parameters();
    let own = own.iter().map(|(name, _)| *name);
    let known: Vec<&str> =
        known(manifest).into_iter().chain(own).chain(operation.compute.names()).collect();
    template(&operation.path, &known, &[at[0], at[1], "path"], found);
    trees(&operation.query, &known, &[at[0], at[1], "query"], found);
    trees(&operation.headers, &known, &[at[0], at[1], "headers"], found);
    headers(&operation.headers, &[at[0], at[1], "headers"], found);
    trees(&operation.set, &known, &[at[0], at[1], "set"], found);
    computed(manifest, &operation.compute, &known, &[at[0], at[1], "compute"], found);
    class(of, found);
    if jsonschema::options().build(&of.schema()).is_err() {
        found.at(&at, "the parameters make no JSON Schema");
    }
}

fn path(of: Of<'_>, found: &mut Found) {
    let Of { manifest, operation } = of;
    let at = ["tool", operation.id.as_str(), "path"];
    let start = operation.path.start();
    if start.is_empty() && operation.path.pieces().is_empty() || start.starts_with('/') {
        return;
    }
    let Some(rest) = start.strip_prefix("https://") else {
        return found
            .at(&at, "expected a path that begins with `/`, or `https://` and one of `hosts`");
    };
    let host = rest.split('/').next().unwrap_or_default();
    let is_allowed = |allowed: &String| allowed == host;
    // Where the host comes from a connection, it is held against the list at the call.
    let comes_later = host.is_empty() && !manifest.hosts.is_empty();
    if !comes_later && !manifest.hosts.iter().any(is_allowed) {
        found.at(&at, format!("the host `{host}` is none of `hosts`"));
    }
    if !host.is_empty() && Url::parse(&format!("https://{host}")).is_err() {
        found.at(&at, format!("`{host}` is no host"));
    }
}

fn listed(of: Of<'_>, found: &mut Found) {
    let Of { manifest, operation } = of;
    let at = ["tool", operation.id.as_str()];
    let there = of.parameters();
    for name in &operation.required {
        if !there.iter().any(|(known, _)| known == name) {
            let names: Vec<_> = there.iter().map(|(name, _)| *name).collect();
            let said = unknown(name, &names).replace(['{', '}'], "");
            found.at(&[at[0], at[1], "required"], said);
        }
    }
    for name in &operation.shared {
        if manifest.parameters.get(name).is_none() {
            let said = format!("`{name}` is none of the platform's `parameters`");
            found.at(&[at[0], at[1], "shared"], said);
        }
    }
    if operation.items.is_some() && of.pages().is_none() {
        found.at(&[at[0], at[1], "items"], "a list needs `pages`, here or for the platform");
    }
    if operation.items.is_none() && operation.pages.is_some() {
        found.at(&[at[0], at[1], "pages"], "`items` is missing: where the items of the list stand");
    }
    if of.pages().is_some() && there.iter().any(|(name, _)| *name == MAX_PAGES) {
        found.at(&at, format!("`{MAX_PAGES}` is put in by itself where a list has pages"));
    }
    if there.iter().any(|(name, _)| *name == CONNECTION) {
        found.at(
            &at,
            format!("`{CONNECTION}` is put in by itself; give the parameter another name"),
        );
    }
    if operation.answer.result.is_some() {
        found.at(&[at[0], at[1], "answer"], "`result` stands in the tool itself");
    }
}

fn parameter(of: Of<'_>, name: &str, parameter: &Parameter, found: &mut Found) {
    let at = ["tool", of.operation.id.as_str(), "parameters", name];
    let described = parameter.schema.get("description").and_then(Value::as_str);
    if described.is_none_or(|text| text.trim().is_empty()) {
        found.at(&at, "`description` is missing");
    }
    if parameter.via.is_some_and(|via| !via.takes_one_value()) {
        found.at(&at, "`as`: this function stands in `compute` alone");
    }
    if of.goes(name, parameter) == Goes::Path {
        if parameter.position.is_some() || parameter.wire.is_some() {
            found.at(&at, "it stands in the path, so `in` and `name` say nothing");
        }
        return;
    }
    let in_body = of.goes(name, parameter) == Goes::To(Position::Body);
    if !in_body && parameter.wire.as_deref().is_some_and(|wire| wire.starts_with('/')) {
        found.at(&at, "`name`: a JSON pointer is for the body alone");
    }
    let goes_as_file = match of.encoding() {
        Encoding::Multipart | Encoding::Bytes => true,
        Encoding::Json | Encoding::Form | Encoding::FormBrackets => {
            parameter.position == Some(Position::Template)
        }
    };
    if parameter.takes_files() && !goes_as_file {
        found.at(&at, "a file needs `body = \"multipart\"` or `body = \"bytes\"`");
    }
}

fn body(of: Of<'_>, found: &mut Found) {
    let operation = of.operation;
    let at = ["tool", operation.id.as_str()];
    let parameters = of.parameters();
    let whole = parameters
        .iter()
        .filter(|(name, it)| of.goes(name, it) == Goes::To(Position::WholeBody))
        .count();
    if whole > 1
        || whole == 1 && (!operation.set.is_empty() || of.encoding() == Encoding::Multipart)
    {
        found.at(&at, "one parameter is the whole body; nothing else can stand in it");
    }
    if of.encoding() == Encoding::Bytes && operation.method().has_body() && whole != 1 {
        found.at(&at, "`body = \"bytes\"` needs one parameter with `in = \"whole_body\"`");
    }
    if !operation.method().has_body() && !operation.set.is_empty() {
        found.at(&[at[0], at[1], "set"], "a request without a body has no members");
    }
    let Some(query) = &operation.graphql else { return };
    for (name, parameter) in parameters {
        let variable = parameter.wire.as_deref().unwrap_or(name);
        let variable = variable.trim_start_matches('/').split('/').next().unwrap_or_default();
        let is_sent = of.goes(name, parameter) == Goes::To(Position::Body);
        if is_sent && !query.contains(&format!("${variable}")) {
            found
                .at(&[at[0], at[1], "graphql"], format!("the query has no variable `${variable}`"));
        }
    }
}

fn class(of: Of<'_>, found: &mut Found) {
    let operation = of.operation;
    let at = ["tool", operation.id.as_str()];
    let has_key = of.idempotency().is_some();
    if operation.class == Some(Class::Keyed) && !has_key {
        found.at(&[at[0], at[1], "class"], "`keyed` needs `idempotency`: where the key is sent");
    }
    if matches!(operation.idempotency, Some(Idempotency::At(_))) && !operation.method().has_body() {
        found.at(&[at[0], at[1], "idempotency"], "only a request with a body takes a key");
    }
    if operation.destructive == Some(true) && of.class() == Class::Read {
        found.at(&[at[0], at[1], "destructive"], "what only reads destroys nothing");
    }
}

/// What is wrong with tools beside each other.
pub(super) fn together(manifest: &Manifest, found: &mut Found) {
    for (index, operation) in manifest.tools.iter().enumerate() {
        if manifest.tools.iter().take(index).any(|other| other.id == operation.id) {
            found.at(
                &["tool", &index.to_string()],
                format!("there are two tools `{}`", operation.id),
            );
        }
    }
    for (name, parameter) in manifest.parameters.iter() {
        let used =
            manifest.operations().any(|of| of.parameters().iter().any(|(it, _)| *it == name));
        if !used {
            found.at(&["parameters", name], "no tool takes it");
        }
        if parameter.schema.get("description").is_none() {
            found.at(&["parameters", name], "`description` is missing");
        }
    }
}
