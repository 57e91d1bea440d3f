#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;

/// A manifest as short as can be, with a name that tells it from others.
fn manifest(id: &str, name: &str) -> String {
    format!(
        "id = \"{id}\"\nname = \"{name}\"\ndescription = \"A thing to test with\"\n\
         category = \"tests\"\ntier = \"free\"\nbase_url = \"https://{id}.example\"\n"
    )
}

#[test]
fn every_manifest_in_the_binary_is_right() {
    let mut wrong = Vec::new();
    for (id, text) in Catalogue::texts() {
        match Platform::read(text) {
            Ok(platform) => assert_eq!(platform.id(), id, "a file is named by its id"),
            Err(faults) => {
                wrong.extend(faults.iter().map(|fault| format!("platforms/{id}.toml: {fault}")));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    assert_eq!(Catalogue::embedded().all().len(), Catalogue::texts().count());
}

#[test]
fn a_directory_adds_overrides_and_keeps_the_last_that_was_right() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    let name_of = |catalogue: &Catalogue, id: &str| {
        catalogue.get(id).map(|platform| platform.manifest().name.clone())
    };
    std::fs::write(file("mine.toml"), manifest("mine", "Mine")).unwrap();
    std::fs::write(file("slack.toml"), manifest("slack", "Other")).unwrap();
    std::fs::write(file("notes.txt"), "no manifest").unwrap();
    std::fs::write(file("misnamed.toml"), manifest("named", "Named")).unwrap();
    let addresses = [("mine".to_owned(), "http://127.0.0.1:9".parse().unwrap())];
    let catalogue = Catalogue::open(Some(directory.path().to_owned()), addresses.into());
    assert_eq!(name_of(&catalogue, "mine").as_deref(), Some("Mine"));
    assert_eq!(name_of(&catalogue, "slack").as_deref(), Some("Other"));
    assert!(catalogue.get("named").is_none() && catalogue.get("misnamed").is_none());
    assert_eq!(catalogue.get("mine").unwrap().address().unwrap().port(), Some(9));
    assert!(!catalogue.refresh(), "nothing has changed");

    std::fs::write(file("mine.toml"), "id = 5 # and longer than it was, so that it is seen")
        .unwrap();
    assert!(catalogue.refresh());
    assert_eq!(name_of(&catalogue, "mine").as_deref(), Some("Mine"));
    std::fs::write(file("mine.toml"), manifest("mine", "Mine again")).unwrap();
    assert!(catalogue.refresh());
    assert_eq!(name_of(&catalogue, "mine").as_deref(), Some("Mine again"));

    std::fs::remove_file(file("slack.toml")).unwrap();
    assert!(catalogue.refresh());
    assert_ne!(name_of(&catalogue, "slack").as_deref(), Some("Other"));
}
