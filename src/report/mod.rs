//! Floor 9: pages. Every report is a pure function of an outcome and, where it draws history, a trace.
//!
//! [`json`] is for programs, [`text`] for a terminal, [`timeline`] for the eye; [`fidelity_text`] and
//! [`fidelity_plot`] show the comparison with measured clusters, [`prove_text`] a proof, [`explain_text`] chains of
//! causes. Nothing here touches a disk, a
//! clock or the environment; equal inputs give equal bytes.

pub mod figures;
pub mod finding;
pub mod json;
pub mod safe;

#[cfg(feature = "cli")]
pub mod compare_plot;
#[cfg(feature = "cli")]
pub mod compare_text;
#[cfg(feature = "cli")]
pub mod explain_text;
#[cfg(feature = "cli")]
pub mod fidelity_plot;
#[cfg(feature = "cli")]
pub mod fidelity_text;
#[cfg(feature = "cli")]
pub mod findings_text;
#[cfg(feature = "cli")]
pub mod formats;
#[cfg(feature = "cli")]
pub mod lab_text;
#[cfg(feature = "cli")]
pub mod pairs_plot;
#[cfg(feature = "cli")]
pub mod prove_text;
#[cfg(feature = "cli")]
pub mod rare_text;
#[cfg(feature = "cli")]
pub mod replay;
#[cfg(feature = "cli")]
pub mod sweep_plot;
#[cfg(feature = "cli")]
pub mod text;
#[cfg(feature = "cli")]
pub mod timeline;

#[cfg(feature = "cli")]
mod bars;
#[cfg(feature = "cli")]
mod canvas;
#[cfg(feature = "cli")]
mod clients;
#[cfg(feature = "cli")]
mod command;
#[cfg(feature = "cli")]
mod hints;
#[cfg(feature = "cli")]
mod lanes;
#[cfg(feature = "cli")]
mod legend;
#[cfg(feature = "cli")]
mod overlap;
#[cfg(feature = "cli")]
mod page;
#[cfg(feature = "cli")]
mod palette;
#[cfg(feature = "cli")]
mod panels;
#[cfg(feature = "cli")]
mod png;
#[cfg(feature = "cli")]
mod probed;
#[cfg(feature = "cli")]
mod rows;
#[cfg(test)]
mod sample;
#[cfg(feature = "cli")]
mod series;
