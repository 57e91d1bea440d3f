#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::{fill, outline};

/// A schema in short: `name:type`, `name:string/format` or `name:a|b|c`, with `!` behind what is
/// required.
fn schema(short: &str) -> Value {
    let (mut properties, mut required) = (serde_json::Map::new(), Vec::new());
    for part in short.split_whitespace() {
        let (name, rest) = part.split_once(':').unwrap();
        let kind = rest.trim_end_matches('!');
        let property = match kind.split_once('/') {
            Some((kind, format)) => json!({ "type": kind, "format": format }),
            None if kind.contains('|') => {
                json!({ "type": "string", "enum": kind.split('|').collect::<Vec<_>>() })
            }
            None if kind == "list" => json!({ "type": "array", "items": { "type": "string" } }),
            None => json!({ "type": kind }),
        };
        if rest.ends_with('!') {
            required.push(name.to_owned());
        }
        properties.insert(name.to_owned(), property);
    }
    json!({ "type": "object", "properties": properties, "required": required })
}

const SEND: &str = "channel:string! text:string! thread_ts:string";
const MAIL: &str = "to:string/email! subject:string! body:string! cc:list";
const FILES: &str = "operation:upload|download|list|delete|generate_pdf|generate_qr! filename:string content:string url:string";

#[test]
#[rustfmt::skip]
fn reads_arguments_out_of_texts() {
    let check = |text: &str, short: &str, expected: Value, missing: &[&str]| {
        let filled = fill(text, &schema(short));
        assert_eq!(Value::Object(filled.arguments), expected, "{text}");
        assert_eq!(filled.missing, missing, "{text}");
    };
    // Channels and messages.
    check("send \"hi all\" to #general", SEND, json!({"channel": "#general", "text": "hi all"}), &[]);
    check("tell #general that lunch is ready", SEND, json!({"channel": "#general", "text": "lunch is ready"}), &[]);
    check("post to #general: lunch, and more, is ready", SEND, json!({"channel": "#general", "text": "lunch, and more, is ready"}), &[]);
    check("send a message to #general", SEND, json!({"channel": "#general"}), &["text"]);
    check("send \"hi\" to somebody", SEND, json!({"text": "hi"}), &["channel"]);
    check("channel=#ops text=\"it's down\"", SEND, json!({"channel": "#ops", "text": "it's down"}), &[]);
    check("channel: #ops, text: all is well", SEND, json!({"channel": "#ops", "text": "all is well"}), &[]);
    // E-mail.
    check("mail jane@example.com about lunch saying see you at noon", MAIL, json!({"to": "jane@example.com", "subject": "lunch", "body": "see you at noon"}), &[]);
    check("email jane@example.com with subject \"Lunch\" and body \"At noon?\"", MAIL, json!({"to": "jane@example.com", "subject": "Lunch", "body": "At noon?"}), &[]);
    check("email Jane", MAIL, json!({}), &["to", "subject", "body"]);
    check("to=a@b.example subject=Hi body='Good day'", MAIL, json!({"to": "a@b.example", "subject": "Hi", "body": "Good day"}), &[]);
    // Words of a list.
    check("list my files", FILES, json!({"operation": "list"}), &[]);
    check("generate a QR code for https://example.com", FILES, json!({"operation": "generate_qr", "url": "https://example.com"}), &[]);
    check("download report.pdf", FILES, json!({"operation": "download", "filename": "report.pdf"}), &[]);
    check("do something with my files", FILES, json!({}), &["operation"]);
    check("upload or download report.pdf", FILES, json!({"filename": "report.pdf"}), &["operation"]);
    check("a ticket of high priority", "priority:low|normal|high", json!({"priority": "high"}), &[]);
    check("priority=HIGH", "priority:low|normal|high", json!({"priority": "high"}), &[]);
    check("anything", "kind:only!", json!({}), &["kind"]);
    // Numbers.
    check("refund 50 of charge ch_1", "amount:number!", json!({"amount": 50}), &[]);
    check("refund 1,250.50", "amount:number!", json!({"amount": 1250.5}), &[]);
    check("an amount of 500 for order 12", "order_id:integer! amount:number!", json!({"order_id": 12, "amount": 500}), &[]);
    check("move 5 from 7 to 9", "amount:number!", json!({}), &["amount"]);
    check("ticket #42", "ticket_id:integer!", json!({"ticket_id": 42}), &[]);
    check("close ticket 42", "ticket_id:string!", json!({"ticket_id": "42"}), &[]);
    check("the top 5 customers", "limit:integer", json!({"limit": 5}), &[]);
    check("5 customers in 3 towns", "limit:integer", json!({}), &[]);
    check("wait 30", "seconds:integer!", json!({"seconds": 30}), &[]);
    check("temperature=0.5", "temperature:number", json!({"temperature": 0.5}), &[]);
    // Names.
    check("create a channel named launch crew with all of us", "name:string!", json!({"name": "launch crew"}), &[]);
    check("create a board called \"Q3: plans\"", "name:string!", json!({"name": "Q3: plans"}), &[]);
    check("create a board", "name:string!", json!({}), &["name"]);
    check("add \"Buy milk\"", "content:string!", json!({"content": "Buy milk"}), &[]);
    check("create \"A\" and \"B\"", "name:string!", json!({"name": "A"}), &[]);
    // Addresses.
    check("scrape https://a.example/b?c=d.", "url:string/uri!", json!({"url": "https://a.example/b?c=d"}), &[]);
    check("scrape example.com", "url:string/uri!", json!({"url": "https://example.com"}), &[]);
    check("text +254 712 345 678 that it is here", "to:string! text:string!", json!({"to": "+254712345678", "text": "it is here"}), &[]);
    check("ask 0712345678 to pay 500", "phone_number:string! amount:integer!", json!({"phone_number": "0712345678", "amount": 500}), &[]);
    check("invite @amina and @joe to #dev", "channel:string! users:list!", json!({"channel": "#dev", "users": ["@amina", "@joe"]}), &[]);
    check("assign HUB-12 to @jane", "issue:string! assignee:string!", json!({"issue": "HUB-12", "assignee": "@jane"}), &[]);
    check("send it to Jane Doe", "recipient:string!", json!({"recipient": "Jane Doe"}), &[]);
    check("I want to send it", "recipient:string!", json!({}), &["recipient"]);
    // Moments.
    check("events from 2026-11-30 to 2026-12-01", "start:string/date! end:string/date!", json!({"start": "2026-11-30", "end": "2026-12-01"}), &[]);
    check("on 30 November 2026", "date:string/date!", json!({"date": "2026-11-30"}), &[]);
    check("at 2026-11-30 10:30", "start_time:string/date-time!", json!({"start_time": "2026-11-30T10:30:00Z"}), &[]);
    check("on 2026-11-30", "start_time:string/date-time!", json!({"start_time": "2026-11-30T00:00:00Z"}), &[]);
    check("tomorrow", "date:string/date!", json!({}), &["date"]);
    check("on 2026-02-31", "date:string/date!", json!({}), &["date"]);
    // Yes and no, and what is not flat.
    check("create a private channel named x", "name:string! is_private:boolean", json!({"name": "x", "is_private": true}), &[]);
    check("create a channel named x, not private", "name:string! is_private:boolean", json!({"name": "x", "is_private": false}), &[]);
    check("values=[[1,2],[3,4]] range=A1:B2", "values:array! range:string!", json!({"values": [[1, 2], [3, 4]], "range": "A1:B2"}), &[]);
    check("fields={\"a\": 1}", "fields:object!", json!({"fields": {"a": 1}}), &[]);
    check("tags=a,b now", "tags:list!", json!({"tags": ["a", "b"]}), &[]);
    check("tags: a, b and c", "tags:list!", json!({"tags": ["a", "b", "c"]}), &[]);
    check("search for overdue invoices", "query:string!", json!({"query": "overdue invoices"}), &[]);
    check("", SEND, json!({}), &["channel", "text"]);
}

#[test]
fn takes_defaults_and_strange_schemas() {
    let with_default = json!({ "properties": { "a": { "default": 1 } }, "required": ["a", "b"] });
    assert_eq!(fill("", &with_default).missing, ["b"]);
    for strange in [json!(null), json!({ "required": "a", "properties": 1 }), json!([])] {
        assert_eq!(fill("a=1", &strange), super::Filled::default());
    }
}

#[test]
fn outlines_what_is_wanted() {
    let check = |text: &str, expected: &str| assert_eq!(outline(text), expected);
    check("send “hi” to #general", "send text to channel");
    check("refund 50 to jane@example.com", "refund  to email");
    check("no values", "no values");
}

proptest::proptest! {
    #[test]
    fn takes_any_text(text in "(\\PC|[a-z=:#@\"', \n]|channel|text|to|named|2026-11-30| 5){0,40}") {
        for short in [SEND, MAIL, FILES, "amount:number! users:list! date:string/date at:string/date-time on:boolean f:object"] {
            fill(&text, &schema(short));
            outline(&text);
        }
    }
}
