//! The `$filter` of the list of machines, in the API's query language. A value stands in a literal
//! that no text can leave: quotes are doubled, and the whole is percent-encoded where the URL is
//! made. Which filters the API knows is the "List machines API" page's.

use jiff::Timestamp;

/// Which machines are asked for: all conditions hold together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MachineFilter {
    conditions: Vec<String>,
}

/// Why a text of the user's own is no filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RawFilterError {
    /// Nothing but white space.
    #[error("the filter is empty")]
    Empty,
    /// A quote that is not closed; what follows would be read as something else.
    #[error("a quote is not closed (a quote inside a text is written twice)")]
    OpenQuote,
    /// Parentheses that do not match, so that it would end the condition around it.
    #[error("its parentheses do not match")]
    Parentheses,
}

impl MachineFilter {
    /// The field has one of these values. No value asks for nothing.
    pub fn is_any(&mut self, field: &'static str, values: &[String]) {
        self.any(values.iter().map(|value| format!("{field} eq {}", literal(value))).collect());
    }

    /// The machine has one of these tags.
    pub fn has_any_tag(&mut self, tags: &[String]) {
        let has = |tag: &String| format!("machineTags/any(tag: tag eq {})", literal(tag));
        self.any(tags.iter().map(has).collect());
    }

    /// One of these conditions holds.
    fn any(&mut self, each: Vec<String>) {
        match each.len() {
            0 => {}
            1 => self.conditions.extend(each),
            _ => self.conditions.push(format!("({})", each.join(" or "))),
        }
    }

    /// Its last report came at or after this moment. Times stand without quotes.
    pub fn seen_since(&mut self, at: Timestamp) {
        self.conditions.push(format!("lastSeen ge {at}"));
    }

    /// Its last report came before this moment.
    pub fn seen_before(&mut self, at: Timestamp) {
        self.conditions.push(format!("lastSeen lt {at}"));
    }

    /// A condition in the API's own language. It stands in parentheses, so that it is one condition
    /// beside the others whatever it holds.
    ///
    /// # Errors
    /// `RawFilterError` if it could end those parentheses or a text.
    pub fn raw(&mut self, text: &str) -> Result<(), RawFilterError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(RawFilterError::Empty);
        }
        let (mut depth, mut quoted) = (0_u32, false);
        for c in text.chars() {
            match c {
                // A doubled quote closes and opens again at once.
                '\'' => quoted = !quoted,
                '(' if !quoted => depth += 1,
                ')' if !quoted => {
                    depth = depth.checked_sub(1).ok_or(RawFilterError::Parentheses)?;
                }
                _ => {}
            }
        }
        if quoted {
            return Err(RawFilterError::OpenQuote);
        }
        if depth > 0 {
            return Err(RawFilterError::Parentheses);
        }
        self.conditions.push(format!("({text})"));
        Ok(())
    }

    /// The filter as the API reads it. Returns `None` if every machine is asked for.
    pub fn text(&self) -> Option<String> {
        if self.conditions.is_empty() { None } else { Some(self.conditions.join(" and ")) }
    }
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    #[test]
    fn conditions_hold_together_and_values_of_one_field_are_alternatives() {
        let mut filter = MachineFilter::default();
        assert_eq!(filter.text(), None);
        filter.is_any("healthStatus", &texts(&["Active", "Inactive"]));
        filter.is_any("deviceValue", &[]);
        filter.is_any("onboardingStatus", &texts(&["Onboarded"]));
        filter.has_any_tag(&texts(&["a"]));
        filter.has_any_tag(&texts(&["b", "c"]));
        filter.seen_since("2026-11-24T12:00:00Z".parse().unwrap());
        filter.raw("startswith(computerDnsName,'pc') or version eq '22H2'").unwrap();
        assert_eq!(
            filter.text().unwrap(),
            "(healthStatus eq 'Active' or healthStatus eq 'Inactive') and onboardingStatus eq \
             'Onboarded' and machineTags/any(tag: tag eq 'a') and (machineTags/any(tag: tag eq \
             'b') or machineTags/any(tag: tag eq 'c')) and lastSeen ge 2026-11-24T12:00:00Z and \
             (startswith(computerDnsName,'pc') or version eq '22H2')"
        );
    }

    #[test]
    fn no_value_leaves_its_literal() {
        let mut filter = MachineFilter::default();
        filter.is_any("computerDnsName", &texts(&["x' or id ne 'y"]));
        filter.has_any_tag(&texts(&["it's) or (true"]));
        assert_eq!(
            filter.text().unwrap(),
            "computerDnsName eq 'x'' or id ne ''y' and machineTags/any(tag: tag eq 'it''s) or \
             (true')"
        );
    }

    #[test]
    fn a_raw_filter_that_could_end_its_parentheses_or_a_text_is_refused() {
        let refused = |text: &str| MachineFilter::default().raw(text).unwrap_err();
        assert_eq!(refused("  "), RawFilterError::Empty);
        assert_eq!(refused("id eq 'a"), RawFilterError::OpenQuote);
        assert_eq!(refused("id eq 'a') or (id ne 'b'"), RawFilterError::Parentheses);
        assert_eq!(refused("(id eq 'a'"), RawFilterError::Parentheses);
        assert!(MachineFilter::default().raw("id eq 'it''s :) (fine'").is_ok());
    }
}
