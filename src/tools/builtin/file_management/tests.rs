#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use hub_events::id::AccountId;
use hub_events::log::memory::Memory;
use hub_events::testing::epoch;

use super::*;
use crate::tools::testing::call;
use crate::tools::{Fault, Registry, Source};
use crate::vault::testing;

const ANN: AccountId = AccountId(1);
const BEN: AccountId = AccountId(2);

struct Given {
    tool: Arc<FileManagement>,
    registry: Registry,
    log: Arc<dyn Log>,
    _directory: tempfile::TempDir,
}

fn given() -> Given {
    let (directory, vault) = testing::vault(&[ANN, BEN]);
    let log: Arc<dyn Log> = Memory::new();
    let tool = Arc::new(FileManagement::new(Arc::clone(&log), vault));
    let registry = Registry::default();
    registry.fill(Source::Hub, vec![Arc::<FileManagement>::clone(&tool)]).unwrap();
    Given { tool, registry, log, _directory: directory }
}

impl Given {
    fn faults(&self, arguments: &Value) -> Vec<Fault> {
        self.registry.find(ANN, "file_management").unwrap().faults(arguments)
    }

    async fn outcome(&self, account: AccountId, arguments: Value) -> Outcome {
        assert_eq!(self.faults(&arguments), [], "{arguments}");
        self.tool.call(call(account, arguments)).await
    }

    async fn done(&self, arguments: Value) -> Value {
        match self.outcome(ANN, arguments).await {
            Outcome::Done(result) => result,
            other => panic!("{other:?}"),
        }
    }

    async fn failed(&self, account: AccountId, arguments: Value) -> &'static str {
        match self.outcome(account, arguments).await {
            Outcome::Failed(failure) => failure.code,
            other => panic!("{other:?}"),
        }
    }

    async fn upload(&self, filename: &str, text: &str) -> Value {
        self.done(json!({ "operation": "upload", "filename": filename, "text": text })).await
    }
}

fn bytes(result: &Value) -> Vec<u8> {
    STANDARD.decode(result["content"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn a_file_is_uploaded_listed_downloaded_and_deleted() {
    let given = given();
    let put = json!({ "operation": "upload", "filename": "a b.csv", "content": "eCx5" });
    assert_eq!(
        given.done(put).await,
        json!({
            "success": true, "filename": "a b.csv", "size": 3, "content_type": "text/csv",
            "path": "/files/a%20b.csv", "encoding": "base64"
        })
    );
    let list = given.done(json!({ "operation": "list" })).await;
    assert_eq!((&list["total"], &list["files"][0]["filename"]), (&json!(1), &json!("a b.csv")));
    assert_eq!(list["files"][0]["modified"], json!(epoch()));

    let download = json!({ "operation": "download", "filename": "a b.csv" });
    let file = given.done(download.clone()).await;
    assert_eq!((bytes(&file), &file["size"]), (b"x,y".to_vec(), &json!(3)));
    assert_eq!(file["content_type"], "text/csv");

    let delete = json!({ "operation": "delete", "filename": "a b.csv" });
    assert_eq!(given.done(delete.clone()).await["deleted"], true);
    assert_eq!(given.done(delete).await["deleted"], false);
    assert_eq!(given.failed(ANN, download).await, "file_missing");
}

#[tokio::test]
async fn content_is_base64_or_the_text_that_it_is() {
    let given = given();
    for (content, encoding, expected) in [
        ("SGVsbG8=", "base64", "Hello"),
        ("SGVs\nbG8", "base64", "Hello"),
        ("Hello, world!", "text", "Hello, world!"),
    ] {
        let put = json!({ "operation": "upload", "filename": "a", "content": content });
        assert_eq!(given.done(put).await["encoding"], encoding);
        let file = given.done(json!({ "operation": "download", "filename": "a" })).await;
        assert_eq!(bytes(&file), expected.as_bytes());
    }
}

#[tokio::test]
async fn another_account_sees_nothing_of_it() {
    let given = given();
    given.upload("mine.txt", "private").await;
    for operation in ["download", "convert_document"] {
        let arguments =
            json!({ "operation": operation, "filename": "mine.txt", "to_format": "pdf" });
        assert_eq!(given.failed(BEN, arguments).await, "file_missing");
    }
    let list = given.outcome(BEN, json!({ "operation": "list" })).await;
    assert_eq!(list, Outcome::Done(json!({ "success": true, "total": 0, "files": [] })));
}

#[tokio::test]
async fn the_same_call_again_changes_nothing() {
    let given = given();
    for arguments in [
        json!({ "operation": "upload", "filename": "a", "text": "x" }),
        json!({ "operation": "generate_qr", "qr_data": "https://example.org" }),
        json!({ "operation": "generate_pdf", "title": "T", "content": "# A" }),
        json!({ "operation": "convert_document", "content": "# A", "from_format": "markdown",
                "to_format": "pdf", "save_as": "a.pdf" }),
    ] {
        let first = given.done(arguments.clone()).await;
        let head = given.log.head();
        assert_eq!(given.done(arguments).await, first);
        assert_eq!(given.log.head(), head);
    }
}

#[tokio::test]
async fn what_is_made_is_kept_and_given_back() {
    let given = given();
    for (arguments, begin, content_type) in [
        (
            json!({ "operation": "generate_qr", "qr_data": "x", "filename": "code.png" }),
            &b"\x89PNG"[..],
            "image/png",
        ),
        (
            json!({ "operation": "generate_qr", "qr_data": "x", "image_format": "svg" }),
            b"<?xml",
            "image/svg+xml",
        ),
        (json!({ "operation": "generate_pdf", "content": "x" }), b"%PDF-", "application/pdf"),
    ] {
        let made = given.done(arguments).await;
        assert!(bytes(&made).starts_with(begin));
        assert_eq!(made["content_type"], content_type);
        let download = json!({ "operation": "download", "filename": made["filename"] });
        assert_eq!(given.done(download).await["content"], made["content"]);
    }
    let pdf = json!({ "operation": "generate_pdf", "content": "日本", "title": "Ngũgĩ" });
    let pdf = given.done(pdf).await;
    assert_eq!((&pdf["pages"], &pdf["replaced_characters"]), (&json!(1), &json!(2)));
    assert!(pdf["note"].is_string());
}

#[tokio::test]
async fn a_document_is_converted_and_only_kept_where_that_is_asked() {
    let given = given();
    given.upload("a.md", "# A").await;
    let convert =
        json!({ "operation": "convert_document", "filename": "a.md", "to_format": "html" });
    assert_eq!(
        given.done(convert).await,
        json!({ "success": true, "format": "html", "size": 11, "content": "<h1>A</h1>\n",
                "encoding": "text" })
    );
    let convert = json!({ "operation": "convert_document", "content": "a\n1", "from_format": "csv",
                          "to_format": "json", "save_as": "a.json" });
    assert_eq!(given.done(convert).await["path"], "/files/a.json");
    let file = given.done(json!({ "operation": "download", "filename": "a.json" })).await;
    assert_eq!(bytes(&file), br#"[{"a":"1"}]"#);
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_with_a_reason() {
    let given = given();
    given.upload("a.bin", "x").await;
    let large = "x".repeat(LARGEST + 1);
    for (arguments, code) in [
        (json!({ "operation": "upload", "filename": "../a", "text": "" }), "invalid_filename"),
        (json!({ "operation": "download", "filename": "b" }), "file_missing"),
        (json!({ "operation": "upload", "filename": "a", "content": large }), "item_too_large"),
        (json!({ "operation": "generate_pdf", "content": large }), "content_too_large"),
        (
            json!({ "operation": "generate_qr", "qr_data": "x", "filename": ".x" }),
            "invalid_filename",
        ),
        (
            json!({ "operation": "convert_document", "filename": "a.bin", "to_format": "pdf" }),
            "invalid_arguments",
        ),
        (
            json!({ "operation": "convert_document", "filename": "a.bin", "from_format": "pdf",
                    "to_format": "text" }),
            "unsupported_conversion",
        ),
    ] {
        assert_eq!(given.failed(ANN, arguments).await, code);
    }
}

#[test]
fn arguments_that_no_operation_takes_have_a_readable_fault() {
    let given = given();
    for (arguments, pointer, message) in [
        (json!({}), "", "\"operation\" is a required property"),
        (json!({ "operation": "print" }), "/operation", "\"print\" is not one of"),
        (json!({ "operation": "download" }), "", "\"filename\" is a required property"),
        (json!({ "operation": "upload", "text": "x" }), "", "\"filename\" is a required property"),
        (json!({ "operation": "generate_pdf" }), "", "\"content\" is a required property"),
        (json!({ "operation": "generate_qr" }), "", "\"qr_data\" is a required property"),
        (
            json!({ "operation": "generate_qr", "qr_data": "x", "qr_size": 51 }),
            "/qr_size",
            "51 is greater than the maximum of 50",
        ),
        (
            json!({ "operation": "convert_document", "content": "x" }),
            "",
            "\"to_format\" is a required property",
        ),
        (
            json!({ "operation": "generate_pdf", "content": "x", "from_format": "csv" }),
            "/from_format",
            "\"csv\" is not one of",
        ),
    ] {
        let faults = given.faults(&arguments);
        let found = |fault: &crate::tools::Fault| {
            fault.pointer == pointer && fault.message.starts_with(message)
        };
        assert!(faults.iter().any(found), "{arguments}: {faults:?}");
    }
    let neither = json!({ "operation": "upload", "filename": "a" });
    assert_eq!(given.faults(&neither).len(), 1);
}

#[test]
fn reading_is_known_from_changing() {
    let tool = given().tool;
    for (operation, class) in [
        ("list", Class::Read),
        ("download", Class::Read),
        ("convert_document", Class::Read),
        ("upload", Class::Idempotent),
        ("delete", Class::Idempotent),
        ("generate_qr", Class::Idempotent),
        ("generate_pdf", Class::Idempotent),
    ] {
        assert_eq!(tool.class(&json!({ "operation": operation })), class, "{operation}");
    }
    let kept = json!({ "operation": "convert_document", "save_as": "a.pdf" });
    assert_eq!(tool.class(&kept), Class::Idempotent);
}
