//! How much evidence a domain asks for. Data only.

use crate::types::Secret;

/// How sure it is that the bounced mail was ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Not at all.
    #[default]
    None,
    /// It names our domain.
    Weak,
    /// It bears our signature for this address.
    Strong,
}

impl Strength {
    /// Every strength.
    pub const ALL: &[Self] = &[Self::None, Self::Weak, Self::Strong];

    /// The word of the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Weak => "weak",
            Self::Strong => "strong",
        }
    }

    /// The strength with this word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|strength| strength.name() == name)
    }
}

/// What a domain asks for.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Bounces with less neither count nor suspend.
    pub required: Strength,
    /// Each may have signed; the first signs.
    pub secrets: Vec<Secret>,
    /// How many days after its day a signature is taken.
    pub days_max: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self { required: Strength::None, secrets: Vec::new(), days_max: 30 }
    }
}
