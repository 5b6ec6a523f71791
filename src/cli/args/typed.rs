//! What was typed and what is asked for have the same fields; both are written down once. How a
//! field is read is clap's, what it means is the request's.

/// Defines arguments, and how they become a request of the same fields: each as it was typed, or by
/// the function behind its arrow. What nobody can type stands behind two dots.
macro_rules! typed {
    (
        $(#[$outer:meta])*
        $args:ident => $request:ident {
            $($(#[$inner:meta])* $field:ident: $type:ty $(=> $convert:expr)?,)*
            $(.. $rest:expr)?
        }
    ) => {
        #[derive(Clone, Debug, Default, clap::Args)]
        $(#[$outer])*
        pub struct $args {
            $($(#[$inner])* pub $field: $type,)*
        }

        impl $args {
            /// What is asked for.
            ///
            /// # Errors
            /// `Failure` if a word is not known.
            pub(in crate::cli) fn request(
                self,
            ) -> Result<crate::domain::request::$request, crate::ops::failure::Failure> {
                Ok(crate::domain::request::$request {
                    $($field: typed!(@ self.$field $(, $convert)?),)*
                    $(..$rest)?
                })
            }
        }
    };
    (@ $value:expr) => { $value };
    (@ $value:expr, $convert:expr) => { ($convert)($value)? };
}
pub(super) use typed;
