//! Every tool of a platform against the vendor's own description of its interface.
//!
//! The descriptions are not part of this repository. They are looked for in
//! `../shared/vendor-specs`, or where `HUB_VENDOR_SPECS` says; without them this says that it
//! skips. What a description is known to have wrong stands in `EXCEPTIONS`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use arrotech_hub::platforms::manifest::Encoding;
use arrotech_hub::platforms::operation::{Goes, Of};
use arrotech_hub::platforms::parameter::Position;
use arrotech_hub::platforms::place::Spot;
use arrotech_hub::platforms::template::{Piece, Template};
use arrotech_hub::platforms::{Catalogue, Platform};
use serde_json::Value;

/// What a vendor's description has wrong, or does not have: the tool, the fault as it is told
/// here (its beginning), and why it is none.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("slack_", "`token` is required", "the token is sent in the header Authorization"),
    ("slack_upload_url", "not described", "the description is older than the method"),
    ("slack_channel_history", "`latest`", "a `ts` loses digits as a number"),
    ("slack_schedule_message", "`thread_ts`", "a `ts` loses digits as a number"),
    ("slack_channel_history", "`oldest`", "a `ts` loses digits as a number"),
    ("google_", "`fields`", "Google describes what every method takes once, and not here"),
    ("google_", "`alt`", "Google describes what every method takes once, and not here"),
    ("google_analytics_run_", "`limit` has", "whole numbers are taken as numbers too"),
    ("google_analytics_run_", "`offset` has", "whole numbers are taken as numbers too"),
    ("bamboohr_add_employee", "`", "every field of an employee is taken; few are described"),
    ("intercom_list_contacts", "`", "how lists go on is described apart"),
    ("paystack_list_transactions", "`perPage`", "the method's page has this spelling"),
    ("paystack_create_customer", "`metadata`", "an object is taken, as the method's page shows"),
    ("whatsapp_send_", "`", "every kind of message is demanded at once"),
    ("whatsapp_list_templates", "`", "another method has the same shape of path"),
    ("whatsapp_create_template", "not described", "the description leaves it out"),
    ("whatsapp_get_media", "`phone_number_id`", "the description leaves it out"),
    ("whatsapp_upload_media", "`type`", "the description leaves it out"),
];

/// Headers that the way out sends by itself.
const OWN_HEADERS: [&str; 3] = ["authorization", "content-type", "accept"];

#[test]
fn tools_are_as_their_vendors_describe_them() {
    let given = std::env::var_os("HUB_VENDOR_SPECS").map(PathBuf::from);
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/vendor-specs");
    let directory = given.unwrap_or(beside);
    if !directory.is_dir() {
        eprintln!("skipped: there are no descriptions in {}", directory.display());
        return;
    }
    let catalogue = Catalogue::embedded();
    let (mut faults, mut compared) = (Vec::new(), 0);
    for platform in catalogue.all() {
        let file = directory.join(format!("{}.json", platform.id()));
        let Ok(text) = std::fs::read_to_string(file) else { continue };
        let vendor = Vendor { document: serde_json::from_str(&text).unwrap() };
        for of in platform.manifest().operations() {
            compared += 1;
            let name = of.name();
            for fault in vendor.faults(&platform, of) {
                let is_known = EXCEPTIONS
                    .iter()
                    .any(|(tool, begins, _)| name.starts_with(tool) && fault.starts_with(begins));
                if !is_known {
                    faults.push(format!("{name}: {fault}"));
                }
            }
        }
    }
    eprintln!("{compared} tools compared");
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// A vendor's description: OpenAPI 3 or Swagger 2.
struct Vendor {
    document: Value,
}

/// What a vendor's operation takes.
#[derive(Default)]
struct Taken {
    /// Names with their schemas, by where they go.
    names: BTreeMap<(&'static str, String), Value>,
    required: Vec<(&'static str, String)>,
    /// Whether a body may have other members too.
    open: bool,
}

impl Vendor {
    fn faults(&self, platform: &Platform, of: Of<'_>) -> Vec<String> {
        let method = of.operation.method().as_str().to_lowercase();
        let path = full_path(platform, &of.operation.path);
        let Some(taken) = self.find(&method, &path) else {
            return vec![format!("not described: {method} {path}")];
        };
        let sent = sent(of);
        let mut faults = Vec::new();
        for ((place, name), schema) in &sent {
            let Some(wanted) = taken.names.get(&(*place, name.clone())) else {
                if *place != "header" && !(*place == "body" && taken.open) {
                    faults.push(format!("`{name}` is not taken in the {place}"));
                }
                continue;
            };
            let is_text =
                matches!(of.encoding(), Encoding::Form | Encoding::Multipart) || *place != "body";
            if let Some(schema) = schema
                && !self.agree(schema, wanted, is_text)
            {
                faults.push(format!(
                    "`{name}` has another type: {} is {}",
                    schema["type"],
                    self.followed(wanted)["type"]
                ));
            }
        }
        for (place, name) in taken.required {
            if !sent.contains_key(&(place, name.clone())) {
                faults.push(format!("`{name}` is required in the {place} and cannot be sent"));
            }
        }
        faults
    }

    fn find(&self, method: &str, path: &str) -> Option<Taken> {
        let base = self.document.pointer("/servers/0/url").and_then(Value::as_str);
        let base =
            base.map(path_of).or_else(|| Some(self.document["basePath"].as_str()?.to_owned()));
        let base = base.unwrap_or_default();
        let paths = self.document["paths"].as_object()?;
        let rank = |described: &str| {
            let whole = format!("{}{described}", base.trim_end_matches('/'));
            [whole.as_str(), described].iter().find_map(|described| same_path(path, described))
        };
        let item = paths
            .iter()
            .filter(|(_, item)| item.get(method).is_some())
            .filter_map(|(described, item)| Some((rank(described)?, item)))
            .max_by_key(|(rank, _)| *rank)?
            .1;
        let operation = &item[method];
        let mut taken = Taken::default();
        let lists = [item.get("parameters"), operation.get("parameters")];
        for parameter in lists.into_iter().flatten().filter_map(Value::as_array).flatten() {
            let parameter = self.followed(parameter);
            let place = match parameter["in"].as_str().unwrap_or_default() {
                "query" => "query",
                "header" => "header",
                "formData" => "body",
                "body" => {
                    self.members(&parameter["schema"], &mut taken);
                    continue;
                }
                _ => continue,
            };
            let name = parameter["name"].as_str().unwrap_or_default();
            let schema = parameter.get("schema").unwrap_or(parameter).clone();
            let own = OWN_HEADERS.iter().any(|own| name.eq_ignore_ascii_case(own));
            if parameter["required"] == true && !(place == "header" && own) {
                taken.required.push((place, name.to_owned()));
            }
            taken.names.insert((place, name.to_owned()), schema);
        }
        let body = self.followed(&operation["requestBody"]);
        for media in body["content"].as_object().into_iter().flat_map(|content| content.values()) {
            self.members(&media["schema"], &mut taken);
        }
        Some(taken)
    }

    /// The members of a body, those of all parts of it.
    fn members(&self, schema: &Value, taken: &mut Taken) {
        let schema = self.followed(schema);
        for part in
            ["allOf", "anyOf", "oneOf"].iter().filter_map(|key| schema[*key].as_array()).flatten()
        {
            self.members(part, taken);
        }
        let closed = schema["additionalProperties"] == false || schema["properties"].is_object();
        taken.open |= !closed && schema.is_object();
        let any = schema.get("anyOf").or(schema.get("oneOf")).is_some();
        for name in schema["required"].as_array().into_iter().flatten().filter(|_| !any) {
            taken.required.push(("body", name.as_str().unwrap_or_default().to_owned()));
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            taken.names.insert(("body", name.clone()), property.clone());
        }
    }

    fn followed<'d>(&'d self, mut value: &'d Value) -> &'d Value {
        while let Some(reference) = value["$ref"].as_str() {
            value = self.document.pointer(reference.trim_start_matches('#')).unwrap();
        }
        value
    }

    /// Whether what is given can be what is wanted.
    fn agree(&self, given: &Value, wanted: &Value, as_text: bool) -> bool {
        let (given, wanted) = (kinds(given), self.wanted(wanted));
        let is_open = given.is_empty() || wanted.is_empty();
        is_open
            || as_text && wanted.iter().any(|kind| kind == "string")
            // A list in a query may be one text with commas.
            || as_text && wanted.iter().any(|kind| kind == "array")
            || given.iter().any(|kind| {
                wanted.contains(kind)
                    || kind == "integer" && wanted.iter().any(|it| it == "number")
                    || kind == "object" && wanted.iter().any(|it| it == "file")
            })
    }

    fn wanted(&self, schema: &Value) -> Vec<String> {
        let schema = self.followed(schema);
        let parts = ["anyOf", "oneOf", "allOf"].iter().filter_map(|key| schema[*key].as_array());
        let nested: Vec<_> = parts.flatten().flat_map(|part| self.wanted(part)).collect();
        let binary = schema["format"] == "binary";
        if binary { vec!["file".to_owned()] } else { [kinds(schema), nested].concat() }
    }
}

/// The types that a schema names.
fn kinds(schema: &Value) -> Vec<String> {
    let own = match &schema["type"] {
        Value::String(kind) => vec![kind.clone()],
        Value::Array(kinds) => {
            kinds.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    };
    let parts = ["anyOf", "oneOf"].iter().filter_map(|key| schema[*key].as_array()).flatten();
    [own, parts.flat_map(kinds).collect()].concat()
}

/// Everything that a tool can send: where, the name on the wire, and the schema where it is a
/// parameter that is sent as it is.
fn sent(of: Of<'_>) -> BTreeMap<(&'static str, String), Option<Value>> {
    let Of { manifest, operation } = of;
    let wrapped = of.wrap().and_then(|wrap| wrap.members.first());
    let member = |name: &str| {
        let first = name.trim_start_matches('/').split('/').next().unwrap_or_default();
        wrapped.cloned().unwrap_or_else(|| first.to_owned())
    };
    let mut sent = BTreeMap::new();
    for (name, parameter) in of.parameters() {
        let wire = parameter.wire.as_deref().unwrap_or(name);
        let as_is = parameter.via.is_none() && !wire.starts_with('/') && wrapped.is_none();
        let schema = as_is.then(|| parameter.schema.clone());
        match of.goes(name, parameter) {
            Goes::To(Position::Query) => sent.insert(("query", wire.to_owned()), schema),
            Goes::To(Position::Header) => sent.insert(("header", wire.to_owned()), schema),
            Goes::To(Position::Body) => sent.insert(("body", member(wire)), schema),
            _ => None,
        };
    }
    for name in manifest.query.names().chain(operation.query.names()) {
        sent.insert(("query", name.to_owned()), None);
    }
    for name in manifest.headers.names().chain(operation.headers.names()) {
        sent.insert(("header", name.to_owned()), None);
    }
    for name in operation.set.names() {
        sent.insert(("body", member(name)), None);
    }
    match of.idempotency() {
        Some(Spot::Body(name)) => sent.insert(("body", member(name)), None),
        Some(Spot::Header(name)) => sent.insert(("header", name.clone()), None),
        _ => None,
    };
    sent
}

fn path_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map(|at| rest[at..].to_owned()).unwrap_or_default()
}

/// The whole path of an operation, every name as `{}`.
fn full_path(platform: &Platform, path: &Template) -> String {
    let shown = |template: &Template| -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Name(_) => "{}".to_owned(),
        };
        template.pieces().iter().map(piece).collect()
    };
    let path = shown(path);
    if path.starts_with("https://") {
        return path_of(&path);
    }
    let base = platform.manifest().base_url.as_ref().map(shown).unwrap_or_default();
    // The whole base may be a field of the connection.
    let base = if base.contains("://") {
        path_of(&base)
    } else {
        base.trim_start_matches("{}").to_owned()
    };
    format!("{}{path}", base.trim_end_matches('/'))
}

/// Whether two paths are one: how many of their segments are the same text. A segment of ours
/// may be one value of a vendor's parameter.
fn same_path(ours: &str, described: &str) -> Option<usize> {
    let segments = |path: &str| -> Vec<String> {
        path.trim_matches('/').split('/').map(str::to_owned).collect()
    };
    let (mut ours, described) = (segments(ours), segments(described));
    // A description may begin below our base.
    ours.drain(..ours.len().saturating_sub(described.len()));
    if ours.len() != described.len() {
        return None;
    }
    let mut same = 0;
    for (ours, described) in ours.iter().zip(&described) {
        match fit(ours, described) {
            Some(fits) => same += fits,
            None => return None,
        }
    }
    Some(same)
}

/// Whether a segment is that of a description: 1 where it is the same but for the names in it,
/// 0 where it may be a value of one.
fn fit(ours: &str, described: &str) -> Option<usize> {
    let Some((before, rest)) = described.split_once('{') else {
        return (ours == described).then_some(1);
    };
    let after = rest.split_once('}').map_or("", |(_, after)| after);
    if ours == format!("{before}{{}}{after}") {
        return Some(1);
    }
    (ours.starts_with(before) && ours.ends_with(after) && !ours.contains(':')).then_some(0)
}

#[test]
fn segments_fit_by_their_fixed_parts() {
    for (ours, described, fits) in [
        ("values", "values", Some(1)),
        ("{}", "{id}", Some(1)),
        ("{}:append", "{range}:append", Some(1)),
        ("me", "{userId}", Some(0)),
        ("{}:append", "{range}", None),
        ("{}:append", "{range}:clear", None),
        ("values", "value", None),
    ] {
        assert_eq!(fit(ours, described), fits, "{ours} {described}");
    }
}
