//! The templates that every account has: one for each usual occasion.
//!
//! Never here: code. Another occasion is another entry.

use super::Template;
use super::arguments::Priority;

/// A built-in template. It stands for its category, which is its id too.
struct BuiltIn {
    category: &'static str,
    subject_prefix: &'static str,
    body: &'static str,
    priority: Priority,
}

/// All of them, as templates.
pub(super) fn all() -> impl Iterator<Item = Template> {
    ALL.iter().map(|built_in| Template {
        id: built_in.category.to_owned(),
        category: built_in.category.to_owned(),
        subject_prefix: built_in.subject_prefix.to_owned(),
        body: built_in.body.to_owned(),
        priority: built_in.priority,
        is_default: true,
    })
}

const ALL: [BuiltIn; 12] = [
    BuiltIn {
        category: "general",
        subject_prefix: "",
        priority: Priority::Normal,
        body: "Hello {{ name }},\n\n{{ message }}\n\nKind regards,\n{{ sender }}\n",
    },
    BuiltIn {
        category: "welcome",
        subject_prefix: "Welcome:",
        priority: Priority::Normal,
        body: "Hello {{ name }},\n\nwelcome to {{ company }}. Your account is ready.\n\n\
            {% if url %}Begin here: {{ url }}\n\n{% endif %}\
            If you have a question, just answer this mail.\n\nKind regards,\n{{ sender }}\n",
    },
    BuiltIn {
        category: "follow_up",
        subject_prefix: "Following up:",
        priority: Priority::Normal,
        body: "Hello {{ name }},\n\nI am coming back to {{ topic }}. Have you had time to look at \
            it? I am happy to answer whatever is open.\n\nKind regards,\n{{ sender }}\n",
    },
    BuiltIn {
        category: "invoice",
        subject_prefix: "Invoice {{ number }}:",
        priority: Priority::High,
        body: "Hello {{ name }},\n\nhere is invoice {{ number }} over {{ amount }}, due on \
            {{ due_date }}.\n\n{% for item in items %}- {{ item }}\n{% endfor %}\n\
            {% if url %}You can pay here: {{ url }}\n\n{% endif %}\
            Thank you for your business.\n\nKind regards,\n{{ sender }}\n",
    },
    BuiltIn {
        category: "receipt",
        subject_prefix: "Receipt {{ number }}:",
        priority: Priority::Normal,
        body: "Hello {{ name }},\n\nthank you: we have received your payment of {{ amount }} on \
            {{ date }}. Its number is {{ number }}.\n\nKind regards,\n{{ sender }}\n",
    },
    BuiltIn {
        category: "reminder",
        subject_prefix: "Reminder:",
        priority: Priority::High,
        body: "Hello {{ name }},\n\na short reminder: {{ topic }} is due on {{ due_date }}.\n\n\
            If it is done already, please disregard this mail.\n\nKind regards,\n{{ sender }}\n",
    },
    BuiltIn {
        category: "support",
        subject_prefix: "[Support {{ ticket }}]",
        priority: Priority::High,
        body: "Hello {{ name }},\n\nthank you for writing to us about {{ topic }}. Your request \
            has the number {{ ticket }}.\n\n{{ message }}\n\nKind regards,\n{{ sender }}\n",
    },
    BuiltIn {
        category: "announcement",
        subject_prefix: "News:",
        priority: Priority::Normal,
        body: "Hello {{ name }},\n\n{{ headline }}\n\n{{ message }}\n\n\
            {% if url %}More about it: {{ url }}\n\n{% endif %}Kind regards,\n{{ sender }}\n",
    },
    BuiltIn {
        category: "meeting",
        subject_prefix: "Meeting:",
        priority: Priority::Normal,
        body: "Hello {{ name }},\n\nI would like to meet about {{ topic }}, on {{ date }} at \
            {{ time }}{% if place %}, {{ place }}{% endif %}.\n\nDoes that suit you?\n\n\
            Kind regards,\n{{ sender }}\n",
    },
    BuiltIn {
        category: "thank_you",
        subject_prefix: "Thank you:",
        priority: Priority::Normal,
        body: "Hello {{ name }},\n\nthank you for {{ topic }}. {{ message }}\n\nKind regards,\n\
            {{ sender }}\n",
    },
    BuiltIn {
        category: "apology",
        subject_prefix: "Our apologies:",
        priority: Priority::High,
        body: "Hello {{ name }},\n\nwe are sorry about {{ topic }}. {{ message }}\n\n\
            We have taken care that it does not happen again.\n\nKind regards,\n{{ sender }}\n",
    },
    BuiltIn {
        category: "newsletter",
        subject_prefix: "",
        priority: Priority::Low,
        body: "Hello {{ name }},\n\n{{ introduction }}\n\n{% for item in items %}- {{ item }}\n\
            {% endfor %}\nKind regards,\n{{ sender }}\n\nTo get no more of these: \
            {{ unsubscribe_url }}\n",
    },
];
