//! The proxy that the HTTP client goes through, for people: named without what it may hold of
//! secrets.

use super::env::variable;

/// The variables that name a proxy, as the HTTP client reads them.
const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// The hosts that no proxy is for, as the HTTP client reads them.
const NOT_FOR: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// Every variable of these that is set; a proxy may hold a password.
pub(crate) fn variables() -> impl Iterator<Item = (String, String)> {
    let names = PROXIES.into_iter().chain(NOT_FOR);
    names.filter_map(|name| Some((name.to_owned(), variable(name)?)))
}

/// The proxy and the variable that names it, without the password that it may hold.
pub(crate) fn proxy() -> Option<(String, String)> {
    let named = PROXIES.into_iter().find_map(|name| Some((name, variable(name)?)));
    named.map(|(name, proxy)| (name.to_owned(), without_user(&proxy)))
}

/// An address without what stands before its last `@`.
pub(super) fn without_user(address: &str) -> String {
    let Some((before, host)) = address.rsplit_once('@') else { return address.to_owned() };
    let scheme = before.split_once("://").map(|(scheme, _)| format!("{scheme}://"));
    format!("{}***@{host}", scheme.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_named_without_its_password() {
        assert_eq!(without_user("http://u:p@proxy:3128"), "http://***@proxy:3128");
        assert_eq!(without_user("u:p@x@proxy:3128"), "***@proxy:3128");
        assert_eq!(without_user("http://proxy:3128"), "http://proxy:3128");
    }
}
