#![allow(clippy::unwrap_used)]

use super::*;
use Format::{Csv, Html, Json, Markdown, Pdf, Text};

fn converted(source: &str, from: Format, to: Format) -> Result<String, &'static str> {
    convert(source.as_bytes().to_vec(), from, to)
        .map(|converted| String::from_utf8_lossy(&converted.bytes).into_owned())
        .map_err(|failure| failure.code)
}

#[test]
fn converts_what_it_says() {
    for (from, source, to, expected) in [
        (Markdown, "# A\n\nb *c*", Html, "<h1>A</h1>\n<p>b <em>c</em></p>\n"),
        (Markdown, "<script>x</script>", Html, "&lt;script&gt;x&lt;/script&gt;"),
        (Markdown, "[a](java&#10;script:b)", Html, "<p><a href=\"\">a</a></p>\n"),
        (Markdown, "[a](https://b.example)", Html, "<p><a href=\"https://b.example\">a</a></p>\n"),
        (Markdown, "# A\n\nb **c**\n\n- d\n- e", Text, "A\n\nb c\n\n- d\n- e\n"),
        (Markdown, "| a | b |\n|---|---|\n| c | d |", Text, "a\tb\nc\td\n"),
        (Html, "<h1>A</h1><p>b <b>c</b></p><script>x</script>", Markdown, "# A\n\nb **c**"),
        (Html, "<h1>A</h1><p>b <b>c</b></p><style>x</style>", Text, "A\n\nb c\n"),
        (Csv, "a,b\n1,\"x, y\"\n2,", Json, r#"[{"a":"1","b":"x, y"},{"a":"2","b":""}]"#),
        (Csv, "\u{feff}a\n1", Json, r#"[{"a":"1"}]"#),
        (Csv, "", Json, "[]"),
        (
            Json,
            r#"[{"a":1,"b":"x, y"},{"c":[true],"a":null}]"#,
            Csv,
            "a,b,c\n1,\"x, y\",\n,,[true]\n",
        ),
        (Json, r#"{"a":1}"#, Csv, "a\n1\n"),
        (Json, "[]", Csv, ""),
    ] {
        assert_eq!(converted(source, from, to).as_deref(), Ok(expected), "{source}");
    }
    for (from, source) in [(Markdown, "# A"), (Text, "A"), (Html, "<p>A</p>")] {
        assert!(converted(source, from, Pdf).unwrap().starts_with("%PDF-"));
    }
}

#[test]
fn refuses_the_rest_with_a_reason() {
    let deep = "<div>".repeat(100_000);
    let long = "x".repeat(1024 * 1024 + 1);
    let wide = format!("{}\n{}", "x".repeat(200_000), "\n1".repeat(100));
    let wordy: String = (0..1_001).map(|n| format!("{{\"{n}\":1}},")).collect();
    let wordy = format!("[{}]", wordy.trim_end_matches(','));
    for (from, source, to, code) in [
        (Pdf, "%PDF-1.7", Text, "unsupported_conversion"),
        (Csv, "a", Html, "unsupported_conversion"),
        (Text, "a", Text, "unsupported_conversion"),
        (Html, &*deep, Markdown, "invalid_content"),
        (Html, &*long, Markdown, "content_too_large"),
        (Csv, "a,b\n1", Json, "invalid_content"),
        (Csv, "a,a\n1,2", Json, "invalid_content"),
        (Csv, &*wide, Json, "content_too_large"),
        (Json, "{", Csv, "invalid_content"),
        (Json, "[1]", Csv, "invalid_content"),
        (Json, &*wordy, Csv, "invalid_content"),
    ] {
        assert_eq!(converted(source, from, to), Err(code), "{from:?}");
    }
    let latin = convert(vec![b'a', 0xe9], Text, Pdf).map_err(|failure| failure.code);
    assert_eq!(latin.map(|converted| converted.replaced), Err("invalid_content"));
    let message = convert(Vec::new(), Pdf, Text).map(drop).unwrap_err().message;
    assert!(message.contains("markdown to pdf, text to pdf"), "{message}");
}

#[test]
fn html_as_deep_as_is_allowed_is_read() {
    let html = format!("{}deep{}", "<div>".repeat(190), "</div>".repeat(190));
    assert_eq!(converted(&html, Html, Markdown).as_deref(), Ok("deep"));
}
