//! What was found as JSON: fields in the order of their declaration, indented, floats to six decimals.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use crate::config::is_unsafe;

/// Decimals of a float. Times are seconds, so this is the microsecond.
const DECIMALS: usize = 6;

/// An outcome, or what else was found, as JSON, with a line break at its end.
///
/// Floats are rounded to six decimals, so that the bytes are equal wherever what was found is equal to that precision;
/// what is no number is `null`.
pub fn render<T: Serialize>(found: &T) -> String {
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, Rounding::default());
    found.serialize(&mut serializer).expect("what is found has string keys only, and a vector takes every byte");
    bytes.push(b'\n');
    String::from_utf8(bytes).expect("serde_json writes UTF-8")
}

/// serde_json's indented form, with rounded floats.
#[derive(Default)]
struct Rounding {
    pretty: PrettyFormatter<'static>,
}

/// Passes a call on to the indented form.
macro_rules! as_pretty {
    ($($name:ident($($arg:ident: $kind:ty),*);)+) => {$(
        fn $name<W: ?Sized + io::Write>(&mut self, writer: &mut W, $($arg: $kind),*) -> io::Result<()> {
            self.pretty.$name(writer, $($arg),*)
        }
    )+};
}

impl Formatter for Rounding {
    as_pretty! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        begin_object_value();
        end_object_value();
    }

    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(rounded(value).as_bytes())
    }

    /// What a terminal or a page would obey is written as an escape, so that it parses back to the same text.
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        for c in fragment.chars() {
            match is_unsafe(c) {
                true => c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(writer, "\\u{unit:04x}"))?,
                false => writer.write_all(c.encode_utf8(&mut [0; 4]).as_bytes())?,
            }
        }
        Ok(())
    }
}

/// `12.5`, `0.0`, `0.333333`: at least one decimal, so that a float is seen to be one.
fn rounded(value: f64) -> String {
    let text = format!("{value:.DECIMALS$}");
    let short = text.trim_end_matches('0');
    let short = if short.ends_with('.') { &text[..=short.len()] } else { short };
    if short == "-0.0" { "0.0".to_owned() } else { short.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn floats_have_one_to_six_decimals() {
        let texts: Vec<String> = [0.0, -0.0, 1.0, 0.5, 1.0 / 3.0, 1e-9, -1e-9, 100.25].map(rounded).into();
        assert_eq!(texts, ["0.0", "0.0", "1.0", "0.5", "0.333333", "0.0", "0.0", "100.25"]);
    }

    #[test]
    fn the_json_parses_back_with_its_fields_in_order() {
        let outcome = sample::refuted();
        let text = render(&outcome);
        let back: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(back["verdict"], "refuted");
        assert_eq!(back["requests"]["by_cause"]["refused"], 38);
        assert_eq!(back["upgrade"]["steps"][0]["unit"], "master-1");
        assert_eq!(back["etcd"]["min_margin"], 0);
        assert!(text.starts_with("{\n  \"schema\": 1,\n  \"scenario\": {\n    \"name\": \"book-ch18\","), "{text}");
        assert!(text.ends_with("}\n"));
        let order = ["\"seed\"", "\"verdict\"", "\"reasons\"", "\"upgrade\"", "\"requests\"", "\"etcd\"", "\"digest\""];
        let places: Vec<usize> = order.iter().map(|key| text.find(key).expect("the key is there")).collect();
        assert!(places.is_sorted(), "{places:?}");
    }

    #[test]
    fn hidden_etcd_and_what_is_no_number_are_null() {
        let mut outcome = sample::holds();
        outcome.etcd = None;
        outcome.cost.extra_node_hours = f64::NAN;
        let back: serde_json::Value = serde_json::from_str(&render(&outcome)).expect("it is JSON");
        assert!(back["etcd"].is_null() && back["cost"]["extra_node_hours"].is_null());
    }

    #[test]
    fn hostile_names_stay_text_in_json() {
        let mut outcome = sample::holds();
        outcome.scenario.name = "\u{1b}[31m\"</script>\u{2028}\u{202e}".to_owned();
        let text = render(&outcome);
        assert!(!text.contains(['\u{1b}', '\u{2028}', '\u{202e}']));
        let back: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(back["scenario"]["name"], outcome.scenario.name.as_str());
    }
}
