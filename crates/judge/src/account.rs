//! As whom a container runs: what runc, containerd, Docker, Podman and umoci make of the `User` of an image config. Not root
//! is only what all of them agree on.

use lockgate_model::case::Image;
use lockgate_model::inventory::Accounts;
use lockgate_model::{Effect, Finding, Severity};

use crate::docket::image_name;
use crate::edition::Edition;
use crate::findings::{BUILDERS, Words, finding};

/// The largest number of an account that runtimes take (runc, libcontainer/user).
const MOST: u64 = 0x7fff_ffff;

/// What an image's `User` means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    /// Whether it is root to some runtime, or may be.
    pub(crate) root: bool,
    /// Why it counts as root though nothing says that it is, for people.
    pub(crate) unknown: Option<String>,
    /// Whether its group is root's.
    pub(crate) root_group: bool,
}

/// Whether an `image` with that `user` runs as root, for the input of policies. What is not sure is `told`.
pub(crate) fn runs_as_root(
    edition: Edition,
    image: &Image,
    user: &str,
    accounts: Option<&Accounts>,
    told: &mut Vec<Finding>,
) -> bool {
    if !edition.judges_what_runs() {
        return was_root(user);
    }
    let account = of(user, accounts);
    let mut tell = |code: &str, title: String, remediation: &str| {
        let rationale =
            "as whom a container runs is up to the runtime where the image does not say so by number";
        let words = Words { title, rationale, remediation: remediation.to_owned(), owner: BUILDERS };
        told.push(finding(code, Severity::Low, Effect::Advise, &image_name(image), words));
    };
    if let Some(why) = account.unknown {
        let title = format!("it counts as running as root: {why}");
        tell("policy.account-unknown", title, "write `USER` with a number, such as `USER 65532`");
    }
    if account.root_group {
        let title = "its group is that of root: what root's group may write, it may write".to_owned();
        tell("policy.root-group", title, "give it a group of its own, such as `USER 65532:65532`");
    }
    account.root
}

/// How an account or group is written.
enum Written {
    /// Root's, in any spelling.
    Zero,
    /// A number that every runtime takes as such.
    Number,
    /// What some runtimes take for a number and others for a name, or for nothing.
    Unclear,
    /// A name.
    Name,
}

/// As Go's `strconv.Atoi` has it: a sign, then decimal digits.
fn written(text: &str) -> Written {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Written::Name;
    }
    if digits.bytes().all(|byte| byte == b'0') {
        return Written::Zero;
    }
    let signed = digits.len() != text.len();
    match digits.parse::<u64>() {
        Ok(number) if number <= MOST && !signed => Written::Number,
        _ => Written::Unclear,
    }
}

/// What `user` means in an image with these `accounts`, where its `/etc/passwd` could be read.
pub(crate) fn of(user: &str, accounts: Option<&Accounts>) -> Account {
    let mut parts = user.split(':');
    let (account, group) = (parts.next().unwrap_or_default(), parts.next());
    let root_group = group.is_some_and(|group| group == "root" || matches!(written(group), Written::Zero));
    let unclear = |why: String| Account { root: true, unknown: Some(why), root_group };
    let root = |root| Account { root, unknown: None, root_group };
    if parts.next().is_some() {
        return unclear(format!("`{user}` has more than an account and a group"));
    }
    let listed = accounts.and_then(|accounts| accounts.numbers.get(account).copied());
    match (written(account), listed) {
        _ if account.is_empty() || account == "root" => root(true),
        (Written::Zero, _) | (_, Some(0)) => root(true),
        (Written::Number, _) => root(false),
        (Written::Unclear, _) => {
            unclear(format!("`{account}` is a number to some runtimes and a name to others"))
        }
        (Written::Name, Some(number)) if (1..=MOST.cast_signed()).contains(&number) => root(false),
        (Written::Name, Some(number)) => {
            unclear(format!("the image's /etc/passwd gives `{account}` the number {number}"))
        }
        (Written::Name, None) if accounts.is_some() => {
            unclear(format!("the image's /etc/passwd does not have the account `{account}`"))
        }
        (Written::Name, None) => unclear(format!(
            "the image has no /etc/passwd that could be read, so that nobody can say who `{account}` is"
        )),
    }
}

/// As Editions before 2026-3 have it: an empty account is root's (image-spec, config.md, "User").
pub(crate) fn was_root(user: &str) -> bool {
    let account = user.split(':').next().unwrap_or_default().trim();
    account.is_empty() || account == "root" || account.chars().all(|c| c == '0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts() -> Accounts {
        let numbers =
            [("root", 0), ("app", 1000), ("admin", 0), ("5000", 0), ("huge", 1 << 40), ("minus", -1)];
        Accounts { numbers: numbers.into_iter().map(|(name, number)| (name.to_owned(), number)).collect() }
    }

    /// What is or may be root, in every spelling that some runtime takes.
    #[test]
    fn root_is_known_by_every_name() {
        let zeros = ["", "0", "00", "000000000000000000000000", "+0", "-0", "+00", "root", "admin", "5000"];
        for user in
            zeros.iter().flat_map(|zero| [zero.to_string(), format!("{zero}:"), format!("{zero}:1000")])
        {
            let account = of(&user, Some(&accounts()));
            assert!(account.root && account.unknown.is_none(), "{user:?}: {account:?}");
        }
        let unclear = [
            " 0",
            "0 ",
            "\t0",
            "0x0",
            "0_0",
            "٠",
            "+5",
            "-1",
            "4294967296",
            "2147483648",
            "18446744073709551616",
            "99999999999999999999",
            "nobody",
            "App",
            "huge",
            "minus",
            "1000:1000:0",
            " root",
            "root ",
            "0\u{a0}",
        ];
        for user in unclear {
            let account = of(user, Some(&accounts()));
            assert!(account.root && account.unknown.is_some(), "{user:?}: {account:?}");
        }
    }

    #[test]
    fn others_are_known_by_number_or_by_what_the_image_says() {
        for user in ["1", "65532", "65532:65532", "1000:staff", "007", "2147483647", "app", "app:app"] {
            let account = of(user, Some(&accounts()));
            assert_eq!(account, Account { root: false, unknown: None, root_group: false }, "{user}");
        }
        assert!(!of("1000", None).root);
        assert!(of("app", None).unknown.is_some_and(|why| why.contains("could be read")));
    }

    #[test]
    fn the_group_of_root_is_noticed() {
        for user in ["app:0", "1000:root", "1000:+0", "1000:-0", ":0", "0:00"] {
            assert!(of(user, Some(&accounts())).root_group, "{user}");
        }
        for user in ["app", "app:", "1000:1000", "1000:rooty"] {
            assert!(!of(user, Some(&accounts())).root_group, "{user}");
        }
    }

    #[test]
    fn earlier_editions_keep_what_they_knew() {
        for root in ["", "0", "root", "0:0", "root:wheel", "00"] {
            assert!(was_root(root), "{root}");
        }
        for other in ["65532", "app", "app:0", "1000:1000", "+0"] {
            assert!(!was_root(other), "{other}");
        }
    }
}
