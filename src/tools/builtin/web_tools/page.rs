//! A page as data: title, text, headings, links, tables, addresses.

use std::collections::BTreeSet;

use scraper::{ElementRef, Html, Selector};
use serde_json::{Map, Value, json};
use url::Url;

use crate::tools::Failure;

/// How many links, headings, images or matches are given.
const MOST: usize = 1_000;

/// How much text is given, in characters.
const LONGEST: usize = 200_000;

fn selector(css: &str) -> Result<Selector, Failure> {
    Selector::parse(css)
        .map_err(|_| Failure::lasting("invalid_selector", format!("`{css}` is no CSS selector")))
}

fn text(element: ElementRef<'_>) -> String {
    let text: Vec<_> = element.text().flat_map(str::split_whitespace).collect();
    text.join(" ")
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

/// An address of a page as a whole one.
fn whole(base: Option<&Url>, address: &str) -> String {
    base.and_then(|base| base.join(address).ok()).map_or_else(|| address.to_owned(), Url::into)
}

fn all<'a>(page: &'a Html, css: &str) -> Result<Vec<ElementRef<'a>>, Failure> {
    Ok(page.select(&selector(css)?).take(MOST).collect())
}

fn meta(page: &Html) -> Result<Map<String, Value>, Failure> {
    let mut found = Map::new();
    for element in all(page, "meta[content]")? {
        let element = element.value();
        let name = element.attr("name").or_else(|| element.attr("property"));
        if let (Some(name), Some(content)) = (name, element.attr("content")) {
            found.insert(name.to_owned(), content.into());
        }
    }
    Ok(found)
}

fn headings(page: &Html) -> Result<Vec<Value>, Failure> {
    let headings = all(page, "h1, h2, h3, h4, h5, h6")?;
    let heading = |element: ElementRef<'_>| {
        let level = element.value().name().trim_start_matches('h').parse::<u8>();
        json!({ "level": level.unwrap_or_default(), "text": text(element) })
    };
    Ok(headings.into_iter().map(heading).collect())
}

/// What a page says.
pub(super) fn scrape(url: Option<&Url>, html: &str) -> Result<Value, Failure> {
    let page = Html::parse_document(html);
    let title = all(&page, "title")?.first().map(|title| text(*title));
    let meta = meta(&page)?;
    let links: Vec<_> = all(&page, "a[href]")?
        .into_iter()
        .filter_map(|link| Some((link, link.value().attr("href")?)))
        .map(|(link, href)| json!({ "url": whole(url, href), "text": text(link) }))
        .collect();
    let images: Vec<_> = all(&page, "img[src]")?
        .into_iter()
        .filter_map(|image| Some((image.value().attr("src")?, image.value().attr("alt"))))
        .map(|(src, alt)| json!({ "url": whole(url, src), "alt": alt }))
        .collect();
    let headings = headings(&page)?;
    let readable = htmd::HtmlToMarkdown::builder()
        .skip_tags(vec!["script", "style", "noscript", "template", "svg", "head"])
        .build();
    let markdown = readable
        .convert(html)
        .map_err(|_| Failure::lasting("page_unreadable", "The page cannot be read"))?;
    let body: Vec<_> = all(&page, "body")?
        .first()
        .into_iter()
        .flat_map(|body| body.descendent_elements())
        .filter(|element| !matches!(element.value().name(), "script" | "style" | "noscript"))
        .flat_map(|element| element.children().filter_map(|child| child.value().as_text()))
        .flat_map(|text| text.split_whitespace())
        .collect();
    Ok(json!({
        "success": true,
        "url": url.map(Url::as_str),
        "title": title,
        "description": meta.get("description").or_else(|| meta.get("og:description")),
        "headings": headings,
        "links": links,
        "images": images,
        "text": cut(&body.join(" ")),
        "markdown": cut(&markdown),
    }))
}

/// Data of a page: what selectors find, or what it has in the usual places.
pub(super) fn extract(
    url: Option<&Url>,
    html: &str,
    selectors: Option<&Value>,
) -> Result<Value, Failure> {
    let page = Html::parse_document(html);
    let data = match selectors.and_then(Value::as_object) {
        Some(selectors) => {
            let mut data = Map::new();
            for (name, wanted) in selectors {
                data.insert(name.clone(), pick(url, &page, wanted)?);
            }
            Value::Object(data)
        }
        None => json!({
            "meta": meta(&page)?,
            "headings": headings(&page)?,
            "tables": tables(&page)?,
            "json_ld": json_ld(&page)?,
        }),
    };
    Ok(json!({ "success": true, "url": url.map(Url::as_str), "data": data }))
}

/// What one selector finds: the first match, or all; its text, or an attribute.
fn pick(url: Option<&Url>, page: &Html, wanted: &Value) -> Result<Value, Failure> {
    let css = wanted.as_str().or_else(|| wanted.get("selector")?.as_str()).unwrap_or_default();
    let attribute = wanted.get("attribute").and_then(Value::as_str);
    let value = |element: ElementRef<'_>| match attribute {
        None => Value::from(text(element)),
        Some(name) => match (name, element.value().attr(name)) {
            ("href" | "src", Some(address)) => whole(url, address).into(),
            (_, found) => found.into(),
        },
    };
    let mut found = all(page, css)?.into_iter().map(value);
    if wanted.get("all") == Some(&Value::Bool(true)) {
        return Ok(Value::Array(found.collect()));
    }
    Ok(found.next().unwrap_or_default())
}

fn tables(page: &Html) -> Result<Vec<Value>, Failure> {
    let (rows, cells) = (selector("tr")?, selector("th, td")?);
    let table = |table: ElementRef<'_>| {
        let row = |row: ElementRef<'_>| row.select(&cells).map(text).collect::<Vec<_>>();
        Value::from_iter(table.select(&rows).take(MOST).map(row))
    };
    Ok(all(page, "table")?.into_iter().map(table).collect())
}

fn json_ld(page: &Html) -> Result<Vec<Value>, Failure> {
    let scripts = all(page, "script[type='application/ld+json']")?;
    let parsed = |script: ElementRef<'_>| serde_json::from_str(&script.inner_html()).ok();
    Ok(scripts.into_iter().filter_map(parsed).collect())
}

/// Whether a character can stand in the name of a mailbox.
fn is_local(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "._%+-".contains(letter)
}

/// The addresses in a text, each once, in order of the alphabet.
pub(super) fn emails(text: &str) -> Value {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices('@') {
        let (before, after) = text.split_at(at);
        let local: Vec<_> = before.chars().rev().take_while(|letter| is_local(*letter)).collect();
        let local: String = local.into_iter().rev().collect();
        let local = local.trim_start_matches(['.', '%', '+', '-']).trim_end_matches('.');
        let domain: String = after
            .chars()
            .skip(1)
            .take_while(|letter| letter.is_ascii_alphanumeric() || ".-".contains(*letter))
            .collect();
        let domain = domain.trim_matches(['.', '-']);
        let top = domain.rsplit_once('.').map_or("", |(_, top)| top);
        let plausible = top.len() >= 2 && top.chars().all(|letter| letter.is_ascii_alphabetic());
        if !local.is_empty() && plausible && !domain.contains("..") {
            found.insert(format!("{local}@{domain}").to_lowercase());
        }
    }
    json!({ "success": true, "count": found.len(), "emails": found })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    const PAGE: &str = r#"<html><head><title> A  shop </title>
        <meta name="description" content="Good things">
        <script type="application/ld+json">{"@type":"Product"}</script></head>
        <body><h1>Things</h1><p class="price">12 <b>EUR</b></p><a href="/next">Next page</a>
        <a href="mailto:Sales@Shop.example">mail</a> ann.lee+x@mail.example.org, @nobody, x@y
        <table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>
        <img src="i.png" alt="An image"><script>var hidden = "no@script.example"</script></body></html>"#;

    fn base() -> Url {
        "https://shop.example/list/".parse().unwrap()
    }

    #[test]
    fn a_page_becomes_title_text_links_and_headings() {
        let said = scrape(Some(&base()), PAGE).unwrap();
        assert_eq!(said["title"], "A shop");
        assert_eq!(said["description"], "Good things");
        assert_eq!(said["headings"][0], json!({ "level": 1, "text": "Things" }));
        let next = json!({ "url": "https://shop.example/next", "text": "Next page" });
        assert_eq!(said["links"][0], next);
        assert_eq!(said["images"][0]["url"], "https://shop.example/list/i.png");
        let text = said["text"].as_str().unwrap();
        assert!(text.contains("12 EUR") && !text.contains("hidden"), "{text}");
        assert!(said["markdown"].as_str().unwrap().contains("# Things"));
    }

    #[test]
    fn selectors_pick_texts_attributes_and_all_matches() {
        let selectors = json!({
            "price": ".price",
            "next": { "selector": "a", "attribute": "href" },
            "cells": { "selector": "td", "all": true },
            "missing": "#nothing",
        });
        let found = extract(Some(&base()), PAGE, Some(&selectors)).unwrap();
        let expected = json!({
            "price": "12 EUR", "next": "https://shop.example/next", "cells": ["1", "2"],
            "missing": null,
        });
        assert_eq!(found["data"], expected);
        let wrong = extract(None, PAGE, Some(&json!({ "x": "a[" }))).unwrap_err();
        assert_eq!(wrong.code, "invalid_selector");
    }

    #[test]
    fn without_selectors_the_usual_places_are_read() {
        let data = extract(None, PAGE, None).unwrap()["data"].clone();
        assert_eq!(data["tables"], json!([[["a", "b"], ["1", "2"]]]));
        assert_eq!(data["json_ld"], json!([{ "@type": "Product" }]));
    }

    #[test]
    fn addresses_are_found_once_each() {
        let found = emails("a@b.co A@B.CO, <x.y@z.example>; x@y, @z.co a@b..co end@site.org.");
        assert_eq!(found["emails"], json!(["a@b.co", "end@site.org", "x.y@z.example"]));
    }
}
