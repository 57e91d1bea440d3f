//! Whether arguments fit a tool, and what they are once small slips are mended.
//!
//! Beside the tool's own schema there is what platforms are known to demand of some arguments
//! (contract 5.15), as a table. Never here: the tools, or calling them.

use serde_json::Value;

use crate::tools::Registered;

/// What came of looking at arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Validation {
    /// Everything that is wrong, in words; nothing where they fit.
    pub errors: Vec<String>,
    /// The arguments with slips mended; none where they do not fit.
    pub corrected_arguments: Option<Value>,
}

/// What a platform demands of some of its tools' arguments.
struct Rule {
    /// What the names of the tools begin with.
    tools: &'static str,
    arguments: &'static [&'static str],
    demand: Demand,
}

/// A demand. Those that speak of texts leave other values to the schema.
enum Demand {
    /// `#name`, `@name`, or one of Slack's own ids.
    Channel,
    /// At most so many characters.
    Length(usize),
    /// `+` and 10 to 15 digits, once blanks and dashes are out.
    Phone,
    Email,
    /// A name that is safe on every file system.
    FileName,
    Digits,
    Positive,
}

#[rustfmt::skip]
const RULES: &[Rule] = &[
    Rule { tools: "slack_", arguments: &["channel"], demand: Demand::Channel },
    Rule { tools: "slack_", arguments: &["text", "message"], demand: Demand::Length(3000) },
    Rule { tools: "whatsapp_", arguments: &["to", "phone", "phone_number"], demand: Demand::Phone },
    Rule { tools: "hubspot_", arguments: &["email"], demand: Demand::Email },
    Rule { tools: "file_", arguments: &["filename", "file_name"], demand: Demand::FileName },
    Rule { tools: "zoom_", arguments: &["meeting_id", "meetingId"], demand: Demand::Digits },
    Rule { tools: "zoom_", arguments: &["duration"], demand: Demand::Positive },
];

/// Looks at the arguments of a call before it is made.
pub fn validate(tool: &Registered, arguments: &Value) -> Validation {
    let card = tool.card();
    let mut arguments = tool.coerced(arguments.clone());
    let properties = card.schema.get("properties").and_then(Value::as_object);
    if let (Some(properties), Value::Object(given)) = (properties, &mut arguments) {
        for (name, value) in given {
            if let Some(mended) = properties.get(name).and_then(|schema| mended(value, schema)) {
                *value = mended;
            }
        }
    }
    let mut errors: Vec<String> = Vec::new();
    for rule in RULES.iter().filter(|rule| card.name.starts_with(rule.tools)) {
        for name in rule.arguments {
            let Some(value) = arguments.get_mut(*name) else { continue };
            match rule.demand.met(value) {
                Ok(None) => {}
                Ok(Some(mended)) => *value = mended,
                Err(wrong) => errors.push(format!("{name}: {wrong}")),
            }
        }
    }
    let faults = tool.faults(&arguments).into_iter();
    errors.extend(faults.map(|fault| match fault.pointer.trim_start_matches('/') {
        "" => fault.message,
        pointer => format!("{}: {}", pointer.replace('/', "."), fault.message),
    }));
    let corrected_arguments = errors.is_empty().then_some(arguments);
    Validation { errors, corrected_arguments }
}

/// The value as the schema writes it: another case of a permitted word, a number where a text is
/// asked for, a whole number in a text such as `7.0`.
fn mended(value: &Value, schema: &Value) -> Option<Value> {
    let kind = schema.get("type").and_then(Value::as_str);
    match (value, kind) {
        (Value::Number(number), Some("string")) => Some(Value::String(number.to_string())),
        (Value::Number(number), Some("integer")) => {
            let whole = number.as_f64().filter(|_| !number.is_i64() && !number.is_u64())?;
            let fits = whole.fract() == 0.0 && whole.abs() < 9e15;
            fits.then(|| Value::from(whole as i64))
        }
        (Value::String(text), Some("integer")) => {
            mended(&text.trim().parse::<f64>().ok()?.into(), schema)
        }
        (Value::String(text), _) => {
            let words = schema.get("enum")?.as_array()?;
            let same = |word: &&Value| {
                word.as_str().is_some_and(|word| word.to_lowercase() == text.trim().to_lowercase())
            };
            words.iter().find(same).filter(|word| *word != value).cloned()
        }
        _ => None,
    }
}

impl Demand {
    /// Nothing where a value meets it, the value mended where that is easily done.
    ///
    /// # Errors
    /// What is demanded, in words.
    fn met(&self, value: &Value) -> Result<Option<Value>, String> {
        if let Self::Positive = self {
            let positive = value.as_f64().is_none_or(|number| number > 0.0);
            return if positive { Ok(None) } else { Err("must be greater than 0".to_owned()) };
        }
        let Value::String(text) = value else { return Ok(None) };
        let met = |yes: bool, demand: &str| if yes { Ok(None) } else { Err(demand.to_owned()) };
        match self {
            Self::Positive => Ok(None),
            Self::Channel => met(is_channel(text), "must begin with # or @, or be a channel's id"),
            Self::Length(most) => {
                let demand = format!("must not be longer than {most} characters");
                met(text.chars().count() <= *most, &demand)
            }
            Self::Digits => {
                let digits: String = text.chars().filter(|c| !" -".contains(*c)).collect();
                let good = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
                met(good, "must be made of digits")?;
                Ok(Some(Value::String(digits)).filter(|mended| mended != value))
            }
            Self::Phone => {
                let phone: String = text.chars().filter(|c| !" -()".contains(*c)).collect();
                let digits = phone.strip_prefix('+').unwrap_or_default();
                let good = (10..=15).contains(&digits.len())
                    && digits.bytes().all(|digit| digit.is_ascii_digit());
                met(good, "must be a phone number: + and 10 to 15 digits")?;
                Ok(Some(Value::String(phone)).filter(|mended| mended != value))
            }
            Self::Email => met(is_email(text), "must be an e-mail address"),
            Self::FileName => {
                let good = !text.trim().is_empty()
                    && !text.contains(r#"/\:*?"<>|"#.chars().collect::<Vec<_>>().as_slice());
                met(good, r#"must not contain any of / \ : * ? " < > |"#)
            }
        }
    }
}

/// Whether Slack takes it for a channel or a person.
fn is_channel(text: &str) -> bool {
    let is_id = text.len() >= 9
        && text.starts_with(['C', 'D', 'G', 'U', 'W'])
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    is_id || text.strip_prefix(['#', '@']).is_some_and(|name| !name.is_empty())
}

fn is_email(text: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace);
    text.split_once('@').is_some_and(|(name, domain)| {
        plain(name)
            && plain(domain)
            && !domain.contains('@')
            && domain.split('.').count() > 1
            && domain.split('.').all(|label| !label.is_empty())
    })
}

#[cfg(test)]
mod tests;
