//! Floor 4, third wall: observers hear facts; they can neither schedule nor draw.

pub mod trace;
