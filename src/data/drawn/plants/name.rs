//! What a species is called.

use super::traits::{Arrangement, Habit, Traits};

impl Traits {
    /// Says what is most striking, and ends in the species' number: `toothed double daisy 17`.
    pub(super) fn name(&self, number: usize) -> String {
        let petals = match self.outline {
            outline if outline.notch > 0.0 => "notched",
            outline if outline.teeth > 0.0 => "toothed",
            outline if outline.ruffle > 0.0 => "wavy",
            outline if outline.slant != 0.0 => "twisted",
            outline if outline.blunt < 1.3 => "pointed",
            outline if outline.blunt > 2.5 => "blunt",
            _ => "round",
        };
        let bloom = match &self.arrangement {
            Arrangement::Whorls { rows: 3.., .. } => "double star",
            Arrangement::Whorls { count: ..=4, .. } => "cross",
            Arrangement::Whorls { count: 5..=7, .. } => "star",
            Arrangement::Whorls { count: 8..=13, .. } => "wheel",
            Arrangement::Whorls { .. } => "daisy",
            Arrangement::Spiral { .. } => "rosette",
            Arrangement::TwoSided { .. } => "mask",
        };
        let habit = match self.habit {
            Habit::Solitary => "",
            Habit::Few(_) => "many-stemmed ",
            Habit::Head(_) => "cluster ",
            Habit::Spike(_) => "spike ",
        };
        format!("{petals} {habit}{bloom} {number}")
    }

    pub(super) fn is_two_sided(&self) -> bool {
        matches!(self.arrangement, Arrangement::TwoSided { .. })
    }
}
