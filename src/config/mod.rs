//! Floor 2: text to values with places, every problem in one pass. It knows neither Kubernetes nor any key.
//!
//! [`Sources`] keep the text, [`parse`] makes a [`Table`] of it, [`Override`]s change it, a [`Reader`] reads
//! typed values from it, and [`Diagnostics`] collect what is wrong on the way. Where a plug-in declares its
//! settings as an [`Entry`], reader, schema and manual all follow from that one record.

pub mod diagnostic;
pub mod escape;
pub mod nearest;
pub mod nesting;
pub mod overrides;
pub mod printed;
pub mod quantity;
pub mod reader;
pub mod render;
pub mod settings;
pub mod source;
pub mod syntax;
pub mod table;
pub mod value;

#[cfg(test)]
mod bad_inputs;
mod item;
mod manual;
#[cfg(test)]
mod properties;

pub use diagnostic::{Diagnostics, Label, Place, Problem, Severity, code};
pub use escape::{escaped, is_unsafe};
pub use item::Item;
pub use manual::{manual, resolved, schema};
pub use nearest::nearest;
pub use overrides::Override;
pub use reader::Reader;
pub use render::{render, render_wrapped};
pub use settings::{Entry, Kind, Setting, Values, read};
pub use source::{Source, SourceId, Sources, TextSpan};
pub use table::parse;
pub use value::{Key, Table, Value, ValueKind};
