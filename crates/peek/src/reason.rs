//! Enums that say which rule is broken.

/// An enum of reasons with `ALL`, `index`, `name`, `Display` and `Error`.
///
/// Each variant is followed by its name in snake case and by its message for people.
macro_rules! reasons {
    (
        $(#[$enum_doc:meta])* $enum:ident;
        $($(#[$doc:meta])* $variant:ident = $name:literal, $message:literal;)*
    ) => {
        $(#[$enum_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $enum {
            $($(#[$doc])* $variant,)*
        }

        impl $enum {
            /// Every reason, in alphabetical order.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Position of the reason in [`ALL`](Self::ALL), for arrays of counters.
            #[inline]
            pub fn index(self) -> usize {
                self as usize
            }

            /// Name for metrics and logs, in snake case; it never changes.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }

        impl std::fmt::Display for $enum {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => $message,)*
                })
            }
        }

        impl std::error::Error for $enum {}
    };
}

pub(crate) use reasons;

#[cfg(test)]
mod tests;
