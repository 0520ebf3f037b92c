//! What may not happen to the event contract inside a version.
//!
//! Both forms of an event are a promise: binary (numbers and types) and JSON (names). So a renamed
//! field breaks, although its bytes would still decode.

use super::breaking::Break;
use super::proto::{Enum, Field, Message, Promise};

/// Every way in which `current` breaks what `released` promised, in the order of the contract.
pub(crate) fn breaks(released: &Promise, current: &Promise) -> Vec<Break> {
    let mut breaks = Vec::new();
    if released.package != current.package {
        breaks.push(changed(&released.package, "package-changed", &released.package, &current.package));
    }
    for (name, message) in &released.messages {
        match current.messages.get(name) {
            Some(now) => message_breaks(name, message, now, &mut breaks),
            None => breaks.push(Break::new(name, "message-removed", "the message is gone")),
        }
    }
    for (name, old) in &released.enums {
        match current.enums.get(name) {
            Some(now) => enum_breaks(name, old, now, &mut breaks),
            None => breaks.push(Break::new(name, "enum-removed", "the enum is gone")),
        }
    }
    breaks
}

fn message_breaks(name: &str, released: &Message, current: &Message, breaks: &mut Vec<Break>) {
    for field in &released.fields {
        match current.fields.iter().find(|now| now.name == field.name) {
            Some(now) => field_breaks(name, field, now, breaks),
            None => removed_field(name, field, current, breaks),
        }
    }
    reservation_breaks(
        name,
        (&released.reserved_numbers, &released.reserved_names),
        (&current.reserved_numbers, &current.reserved_names),
        breaks,
    );
}

fn field_breaks(message: &str, released: &Field, current: &Field, breaks: &mut Vec<Break>) {
    let at = format!("{message}.{}", released.name);
    let oneof = |field: &Field| field.oneof.clone().unwrap_or_else(|| "no oneof".to_owned());
    for (rule, was, is) in [
        ("field-number-changed", released.number.to_string(), current.number.to_string()),
        ("field-type-changed", released.kind.clone(), current.kind.clone()),
        ("field-label-changed", released.label.clone(), current.label.clone()),
        ("field-oneof-changed", oneof(released), oneof(current)),
    ] {
        if was != is {
            breaks.push(changed(&at, rule, &was, &is));
        }
    }
}

fn removed_field(message: &str, field: &Field, current: &Message, breaks: &mut Vec<Break>) {
    let at = format!("{message}.{}", field.name);
    if let Some(other) = current.fields.iter().find(|now| now.number == field.number) {
        let detail = format!("number {} now belongs to `{}`", field.number, other.name);
        breaks.push(Break::new(at, "field-renamed", detail));
        return;
    }
    let number_kept = current.reserved_numbers.iter().any(|(first, last)| (*first..=*last).contains(&field.number));
    let name_kept = current.reserved_names.contains(&field.name);
    if !(number_kept && name_kept) {
        let detail = format!("removed without `reserved {}; reserved \"{}\";`", field.number, field.name);
        breaks.push(Break::new(at, "field-removed", detail));
    }
}

fn enum_breaks(name: &str, released: &Enum, current: &Enum, breaks: &mut Vec<Break>) {
    for (value, number) in &released.values {
        let at = format!("{name}.{value}");
        match current.values.get(value) {
            Some(now) if now == number => {}
            Some(now) => {
                breaks.push(changed(&at, "enum-value-number-changed", &number.to_string(), &now.to_string()));
            }
            None => breaks.push(Break::new(at, "enum-value-removed", format!("{value} = {number} is gone"))),
        }
    }
    reservation_breaks(
        name,
        (&released.reserved_numbers, &released.reserved_names),
        (&current.reserved_numbers, &current.reserved_names),
        breaks,
    );
}

type Reserved<'a> = (&'a [(i32, i32)], &'a [String]);

/// A reservation is for ever: it keeps a number from coming back with another meaning.
fn reservation_breaks(at: &str, released: Reserved<'_>, current: Reserved<'_>, breaks: &mut Vec<Break>) {
    for (first, last) in released.0 {
        if !current.0.iter().any(|(from, to)| from <= first && last <= to) {
            breaks.push(Break::new(at, "reservation-dropped", format!("{first} to {last} is no longer reserved")));
        }
    }
    for name in released.1 {
        if !current.1.contains(name) {
            breaks.push(Break::new(at, "reservation-dropped", format!("\"{name}\" is no longer reserved")));
        }
    }
}

fn changed(at: &str, rule: &'static str, was: &str, is: &str) -> Break {
    Break::new(at, rule, format!("was {was}, is {is}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn field(number: i32, name: &str, kind: &str) -> Field {
        Field { number, name: name.into(), kind: kind.into(), label: "singular".into(), oneof: None }
    }

    fn released() -> Promise {
        let mut payload = field(20, "done", "v1.Done");
        payload.oneof = Some("payload".into());
        let envelope = Message {
            fields: vec![field(1, "id", "string"), field(2, "seq", "uint64"), payload],
            reserved_numbers: vec![(5, 6)],
            reserved_names: vec!["old".into()],
        };
        let done = Message { fields: vec![field(1, "ok", "bool")], ..Message::default() };
        let state = Enum { values: BTreeMap::from([("NONE".into(), 0), ("RUN".into(), 1)]), ..Enum::default() };
        Promise {
            package: "v1".into(),
            messages: BTreeMap::from([("Envelope".into(), envelope), ("Done".into(), done)]),
            enums: BTreeMap::from([("State".into(), state)]),
        }
    }

    /// Asserts the rules that `change` to the released contract breaks, as `place rule`.
    fn check<Changed>(what: &str, change: impl FnOnce(&mut Promise) -> Changed, expected: &[&str]) {
        let mut current = released();
        let _changed = change(&mut current);
        let found: Vec<String> =
            breaks(&released(), &current).iter().map(|found| format!("{} {}", found.at, found.rule)).collect();
        assert_eq!(found, expected, "{what}");
    }

    fn envelope(promise: &mut Promise) -> &mut Message {
        promise.messages.get_mut("Envelope").unwrap()
    }

    #[test]
    fn additions_keep_the_promise() {
        check("nothing", |_| {}, &[]);
        check("a field", |now| envelope(now).fields.push(field(3, "trace", "string")), &[]);
        check("a message", |now| now.messages.insert("New".into(), Message::default()), &[]);
        check("an enum value", |now| now.enums.get_mut("State").unwrap().values.insert("STOP".into(), 2), &[]);
        check("a wider reservation", |now| envelope(now).reserved_numbers = vec![(4, 9)], &[]);
        check(
            "a removal that reserves number and name",
            |now| {
                let envelope = envelope(now);
                envelope.fields.remove(1);
                envelope.reserved_numbers.push((2, 2));
                envelope.reserved_names.push("seq".into());
            },
            &[],
        );
    }

    #[test]
    fn fields_stay_what_they_are() {
        check("number", |now| envelope(now).fields[1].number = 9, &["Envelope.seq field-number-changed"]);
        check("type", |now| envelope(now).fields[1].kind = "int64".into(), &["Envelope.seq field-type-changed"]);
        check("label", |now| envelope(now).fields[1].label = "repeated".into(), &["Envelope.seq field-label-changed"]);
        check("name", |now| envelope(now).fields[1].name = "order".into(), &["Envelope.seq field-renamed"]);
        check("out of its oneof", |now| envelope(now).fields[2].oneof = None, &["Envelope.done field-oneof-changed"]);
        check(
            "into a oneof",
            |now| envelope(now).fields[0].oneof = Some("payload".into()),
            &["Envelope.id field-oneof-changed"],
        );
    }

    #[test]
    fn removals_break() {
        check("a field", |now| envelope(now).fields.remove(1), &["Envelope.seq field-removed"]);
        check(
            "a field that reserves only its number",
            |now| {
                envelope(now).fields.remove(1);
                envelope(now).reserved_numbers.push((2, 2));
            },
            &["Envelope.seq field-removed"],
        );
        check("a message", |now| now.messages.remove("Done"), &["Done message-removed"]);
        check("an enum", |now| now.enums.remove("State"), &["State enum-removed"]);
        check(
            "an enum value",
            |now| now.enums.get_mut("State").unwrap().values.remove("RUN"),
            &["State.RUN enum-value-removed"],
        );
        check(
            "an enum number",
            |now| now.enums.get_mut("State").unwrap().values.insert("RUN".into(), 7),
            &["State.RUN enum-value-number-changed"],
        );
        check("a reserved number", |now| envelope(now).reserved_numbers.clear(), &["Envelope reservation-dropped"]);
        check("a reserved name", |now| envelope(now).reserved_names.clear(), &["Envelope reservation-dropped"]);
        check("the package", |now| now.package = "v2".into(), &["v1 package-changed"]);
    }
}
