//! Colours that colour-blind people can tell apart: Okabe and Ito, "Color Universal Design" (2008), and greys.

use crate::world::fact::{Loss, StepPhase};

/// Red, green, blue and opacity in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ink {
    pub(super) rgb: (u8, u8, u8),
    pub(super) opacity: u8,
}

const fn ink(r: u8, g: u8, b: u8) -> Ink {
    Ink { rgb: (r, g, b), opacity: 100 }
}

impl Ink {
    /// The same colour, lighter by letting the ground through.
    pub(super) const fn at(self, opacity: u8) -> Ink {
        Ink { opacity, ..self }
    }
}

pub(super) const ORANGE: Ink = ink(0xe6, 0x9f, 0x00);
pub(super) const SKY: Ink = ink(0x56, 0xb4, 0xe9);
pub(super) const GREEN: Ink = ink(0x00, 0x9e, 0x73);
pub(super) const YELLOW: Ink = ink(0xf0, 0xe4, 0x42);
pub(super) const BLUE: Ink = ink(0x00, 0x72, 0xb2);
pub(super) const VERMILLION: Ink = ink(0xd5, 0x5e, 0x00);
pub(super) const PURPLE: Ink = ink(0xcc, 0x79, 0xa7);
/// The page.
pub(super) const PAPER: Ink = ink(0xff, 0xff, 0xff);
/// Text.
pub(super) const TEXT: Ink = ink(0x22, 0x26, 0x2b);
/// Text of less weight.
pub(super) const SOFT: Ink = ink(0x5b, 0x63, 0x6e);
/// Lines behind the data.
pub(super) const GRID: Ink = ink(0xe3, 0xe6, 0xea);
/// Frames and base lines.
pub(super) const RULE: Ink = ink(0xa9, 0xb0, 0xb9);
/// Ground of a panel.
pub(super) const GROUND: Ink = ink(0xf7, 0xf8, 0xfa);

/// All phases, in the order of the legend.
pub(super) const PHASES: [StepPhase; 10] = [
    StepPhase::Premarked,
    StepPhase::SurgeWait,
    StepPhase::Cordoned,
    StepPhase::Draining,
    StepPhase::Detaching,
    StepPhase::Transition,
    StepPhase::Booting,
    StepPhase::Joining,
    StepPhase::Gate,
    StepPhase::Soak,
];

/// The colour of a phase: warm while a machine empties, blue while it is replaced, green while it comes back.
pub(super) const fn phase(phase: StepPhase) -> Ink {
    match phase {
        StepPhase::Premarked => ink(0xbb, 0xbb, 0xbb),
        StepPhase::SurgeWait => ink(0xd8, 0xc3, 0x9a),
        StepPhase::Cordoned => YELLOW,
        StepPhase::Draining => ORANGE,
        StepPhase::Detaching => PURPLE,
        StepPhase::Transition => BLUE,
        StepPhase::Booting => SKY,
        StepPhase::Joining => GREEN,
        StepPhase::Gate => ink(0x4b, 0x4b, 0x4b),
        StepPhase::Soak => ink(0xa6, 0xd9, 0xc8),
    }
}

/// Whether text on the phase's colour must be white.
pub(super) const fn phase_is_dark(phase: StepPhase) -> bool {
    match phase {
        StepPhase::Transition | StepPhase::Joining | StepPhase::Gate => true,
        StepPhase::Premarked
        | StepPhase::SurgeWait
        | StepPhase::Cordoned
        | StepPhase::Draining
        | StepPhase::Detaching
        | StepPhase::Booting
        | StepPhase::Soak => false,
    }
}

/// The colour of a cause of loss.
pub(super) const fn loss(loss: Loss) -> Ink {
    match loss {
        Loss::Refused => VERMILLION,
        Loss::Reset => PURPLE,
        Loss::BlackHole => ink(0x00, 0x00, 0x00),
        Loss::NoEndpoint => BLUE,
        Loss::Overload => ORANGE,
        Loss::StreamDropped => SKY,
        Loss::NoTarget => GREEN,
        Loss::ServerError => ink(0x99, 0x44, 0x00),
        Loss::Dns => ink(0x66, 0x66, 0x66),
    }
}

/// The shade of version `index` of `of`, oldest lightest.
pub(super) fn version(index: usize, of: usize) -> Ink {
    let share = |light: u32, dark: u32| {
        let steps = (of.max(2) - 1) as u32;
        let index = (index as u32).min(steps);
        (light - (light - dark) * index / steps) as u8
    };
    ink(share(0xe4, 0x9d), share(0xe8, 0xb2), share(0xed, 0xca))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_and_losses_have_colours_of_their_own() {
        for (index, &one) in PHASES.iter().enumerate() {
            for &other in &PHASES[..index] {
                assert_ne!(phase(one), phase(other), "{one:?} {other:?}");
            }
        }
        for (index, &one) in Loss::ALL.iter().enumerate() {
            for &other in &Loss::ALL[..index] {
                assert_ne!(loss(one), loss(other), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn newer_versions_are_darker() {
        let shades: Vec<u8> = (0..4).map(|index| version(index, 4).rgb.0).collect();
        assert!(shades.windows(2).all(|pair| pair[0] > pair[1]), "{shades:?}");
    }
}
