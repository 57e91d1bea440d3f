//! Which crate may depend on which, and that each dependency has its reason on record.

use toml::{Table, Value};

/// What a crate must not know, by the directory of its manifest. The name of a family stands for
/// all of it.
const FORBIDDEN: [(&str, &[&str]); 2] = [
    ("events/Cargo.toml", &["actix", "reqwest", "hyper", "hub-projections", "arrotech-hub"]),
    ("projections/Cargo.toml", &["actix", "reqwest", "hyper", "arrotech-hub"]),
];

/// What is wrong with a manifest.
pub(super) fn faults(path: &str, text: &str) -> Vec<String> {
    let manifest: Table = match text.parse() {
        Ok(manifest) => manifest,
        Err(error) => return vec![format!("{path}: {error}")],
    };
    let mut faults = Vec::new();
    let forbidden = FORBIDDEN.iter().find(|(of, _)| *of == path).map_or(&[][..], |(_, it)| *it);
    for name in dependencies(&manifest) {
        let of_family = |family: &&&str| {
            let rest = name.strip_prefix(**family);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
        };
        if let Some(family) = forbidden.iter().find(of_family) {
            faults.push(format!("{path}: depends on {name}, but must not know {family}"));
        }
    }
    let lints = manifest.get("lints").and_then(|lints| lints.get("workspace"));
    if manifest.contains_key("package") && lints != Some(&Value::Boolean(true)) {
        faults.push(format!("{path}: does not take the lints of the workspace"));
    }
    faults
}

/// The crates that a manifest names in any of its tables, under their own names.
fn dependencies(manifest: &Table) -> Vec<String> {
    let mut names = Vec::new();
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flatten();
    let tables = targets.filter_map(|(_, target)| target.as_table());
    for table in tables.chain([manifest]) {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let named = table.get(kind).and_then(Value::as_table).into_iter().flatten();
            names.extend(named.map(|(name, detail)| {
                let renamed = detail.get("package").and_then(Value::as_str);
                renamed.unwrap_or(name).to_owned()
            }));
        }
    }
    names
}

/// Where the root manifest and the list of reasons do not name the same crates.
pub(super) fn without_reason(root: &str, reasons: &str) -> Vec<String> {
    let root: Table = match root.parse() {
        Ok(root) => root,
        Err(error) => return vec![format!("Cargo.toml: {error}")],
    };
    let workspace = root.get("workspace").and_then(|it| it.get("dependencies"));
    let named = workspace.and_then(Value::as_table).into_iter().flatten();
    let named: Vec<_> =
        named.filter(|(_, it)| it.get("path").is_none()).map(|(name, _)| name.as_str()).collect();
    let rows = reasons.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    let told: Vec<_> = rows.flat_map(|cell| cell.split(", ")).map(str::trim).collect();
    let told: Vec<_> = told.into_iter().filter(|name| *name != "crate").collect();
    let missing = named.iter().filter(|name| !told.contains(name));
    let stale = told.iter().filter(|name| !named.contains(name));
    missing
        .map(|name| format!("docs/dependencies.md: no word on why {name} is there"))
        .chain(stale.map(|name| format!("docs/dependencies.md: {name} is no dependency")))
        .collect()
}
