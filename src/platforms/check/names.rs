//! What a platform says of itself, apart from its tools: names, address, fields, sign-in.
//!
//! Never here: one tool.

use super::Found;
use crate::platforms::compute::Computed;
use crate::platforms::manifest::Manifest;
use crate::platforms::named::Named;
use crate::platforms::place::is_header;
use crate::platforms::sign_in::SignIn;
use crate::platforms::template::{Template, Tree};

/// Whether a text is an id: lower-case letters, digits and `_`, a letter first.
pub(super) fn is_id(text: &str) -> bool {
    let sign = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(sign)
}

/// What stands for something in every template of a platform: the fields of a connection and
/// computed values.
pub(super) fn known(manifest: &Manifest) -> Vec<&str> {
    let given = manifest.sign_in.iter().flat_map(SignIn::gives);
    manifest.config.names().chain(given).chain(manifest.compute.names()).collect()
}

/// What is wrong with a platform apart from its tools.
pub(super) fn platform(manifest: &Manifest, found: &mut Found) {
    if !is_id(&manifest.id) {
        found.at(&["id"], "expected lower-case letters, digits and `_`, a letter first");
    }
    for (key, text) in [("name", &manifest.name), ("category", &manifest.category)] {
        if text.trim().is_empty() {
            found.at(&[key], "expected a text that is not empty");
        }
    }
    if manifest.description.trim().len() < 10 {
        found.at(&["description"], "expected a sentence that says what the platform is for");
    }
    for (key, why) in [
        ("unverified", &manifest.unverified),
        ("disabled", &manifest.disabled),
        ("not_offered", &manifest.not_offered),
    ] {
        if why.as_deref().is_some_and(|why| why.trim().len() < 10) {
            found.at(&[key], "expected a sentence that says why");
        }
    }
    address(manifest, found);
    fields(manifest, found);
    let known = known(manifest);
    for (index, way) in manifest.sign_in.iter().enumerate() {
        let index = index.to_string();
        templates(way, &known, &["sign_in", &index], found);
        if way.bearing().is_some_and(|send| !is_header(&send.header)) {
            found.at(&["sign_in", &index, "send"], "`header` is no name of a header");
        }
    }
    trees(&manifest.headers, &known, &["headers"], found);
    headers(&manifest.headers, &["headers"], found);
    trees(&manifest.query, &known, &["query"], found);
    computed(manifest, &manifest.compute, &known, &["compute"], found);
    if let Some(test) = &manifest.test {
        template(&test.path, &known, &["test", "path"], found);
        trees(&test.query, &known, &["test", "query"], found);
        trees(&test.set, &known, &["test", "set"], found);
        if !test.method.has_body() && !test.set.is_empty() {
            found.at(&["test", "set"], "a request by GET has no body");
        }
    }
}

fn address(manifest: &Manifest, found: &mut Found) {
    match (&manifest.base_url, &manifest.not_offered) {
        (None, None) => found.at(&["base_url"], "missing; what every path is appended to"),
        (Some(_), Some(_)) => found.at(&["base_url"], "a platform that is not offered has none"),
        (None, Some(_)) => {
            if !manifest.tools.is_empty() {
                found.at(&["tool"], "a platform that is not offered has none");
            }
        }
        (Some(base), None) => {
            let fixed = base.start();
            let is_address = fixed.starts_with("https://") || fixed.starts_with("http://");
            if !is_address && !fixed.is_empty() {
                found.at(&["base_url"], "expected `https://…` or a field that holds an address");
            }
            template(base, &known(manifest), &["base_url"], found);
        }
    }
    for host in &manifest.hosts {
        let name = host.strip_prefix("*.").unwrap_or(host);
        let sign = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
        if !name.contains('.') || !name.chars().all(sign) {
            found.at(
                &["hosts"],
                format!("`{host}` is no host; write `a.example` or `*.example.com`"),
            );
        }
    }
}

fn fields(manifest: &Manifest, found: &mut Found) {
    let mut taken: Vec<&str> = manifest.config.names().collect();
    for (name, field) in manifest.config.iter() {
        if !is_id(name) {
            found.at(&["config", name], "expected lower-case letters, digits and `_`");
        }
        if field.description.trim().is_empty() {
            found.at(&["config", name], "`description` is empty");
        }
        for alias in &field.aliases {
            if taken.contains(&alias.as_str()) {
                found.at(&["config", name, "aliases"], format!("`{alias}` is a name already"));
            }
            taken.push(alias);
        }
        let default = field.default.as_ref().and_then(|default| default.as_str());
        if let (Some(values), Some(default)) = (&field.values, default)
            && values.get(default).is_none()
        {
            found.at(&["config", name, "default"], format!("`{default}` is none of `values`"));
        }
        if field.secret && field.default.is_some() {
            found.at(&["config", name, "default"], "a secret has no default");
        }
    }
}

fn templates(way: &SignIn, known: &[&str], path: &[&str], found: &mut Found) {
    let mut each = |texts: &Named<Template>| {
        for (_, text) in texts.iter() {
            template(text, known, path, found);
        }
    };
    match way {
        SignIn::None => {}
        SignIn::Bearer { token } => template(token, known, path, found),
        SignIn::Header { headers } => each(headers),
        SignIn::Query { query } => each(query),
        SignIn::Basic { username, password } => {
            template(username, known, path, found);
            template(password, known, path, found);
        }
        SignIn::OAuth2(way) => {
            each(&way.authorize);
            each(&way.token);
            let texts = [&way.authorize_url, &way.token_url, &way.client_id, &way.send.value];
            for text in texts {
                template(text, known, path, found);
            }
        }
        SignIn::ClientCredentials(way) => {
            each(&way.token);
            each(&way.headers);
            for text in [&way.token_url, &way.client_id, &way.client_secret, &way.send.value] {
                template(text, known, path, found);
            }
        }
        SignIn::Token(way) => {
            each(&way.query);
            each(&way.headers);
            if let Some(form) = &way.form {
                each(form);
            }
            for text in [&way.url, &way.send.value].into_iter().chain(way.basic.iter().flatten()) {
                template(text, known, path, found);
            }
            if way.form.is_some() && way.json.is_some() {
                found.at(path, "a body is either `form` or `json`");
            }
        }
        SignIn::ServiceAccount(way) => {
            for text in [&way.key, &way.token_url, &way.send.value] {
                template(text, known, path, found);
            }
        }
    }
}

/// Faults of names in a template that stand for nothing.
pub(super) fn template(text: &Template, known: &[&str], path: &[&str], found: &mut Found) {
    for name in text.names().filter(|name| !known.contains(&name.name.as_str())) {
        found.at(path, unknown(&name.name, known));
    }
}

/// The same of every member.
pub(super) fn trees(members: &Named<Tree>, known: &[&str], path: &[&str], found: &mut Found) {
    for (key, tree) in members.iter() {
        for name in tree.names().into_iter().filter(|name| !known.contains(name)) {
            found.at(&[path, &[key]].concat(), unknown(name, known));
        }
    }
}

/// Faults of what cannot be headers.
pub(super) fn headers(members: &Named<Tree>, path: &[&str], found: &mut Found) {
    for name in members.names().filter(|name| !is_header(name)) {
        found.at(&[path, &[name]].concat(), "this is no name of a header");
    }
}

/// Faults of computed values.
pub(super) fn computed(
    manifest: &Manifest,
    values: &Named<Computed>,
    known: &[&str],
    path: &[&str],
    found: &mut Found,
) {
    for (name, value) in values.iter() {
        let path = [path, &[name]].concat();
        template(&value.of, known, &path, found);
        match (&value.key, value.function.needs_key()) {
            (None, true) => found.at(&path, "`key` is missing: the field that holds the key"),
            (Some(_), false) => found.at(&path, "this function takes no `key`"),
            (Some(key), true) if manifest.config.get(key).is_none() => {
                found.at(&path, format!("`key`: there is no field `{key}` in `config`"));
            }
            _ => {}
        }
        let of_nothing = value.of.pieces().is_empty();
        let by_itself = !value.function.takes_one_value() && !value.function.needs_key();
        if of_nothing != by_itself {
            let said = if by_itself { "this function takes no `of`" } else { "`of` is missing" };
            found.at(&path, said);
        }
    }
}

/// That a name stands for nothing, and what there is.
pub(super) fn unknown(name: &str, known: &[&str]) -> String {
    let mut there: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
    there.sort_unstable();
    there.dedup();
    match there.is_empty() {
        true => format!("`{{{name}}}` stands for nothing; there are no names here"),
        false => format!("`{{{name}}}` stands for nothing; there are {}", there.join(", ")),
    }
}
