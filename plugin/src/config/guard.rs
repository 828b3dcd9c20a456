//! The card-testing guard's figures.

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::address::Network;
use crate::payment::guard::{self, Kind, Softly};
use crate::reply::Problem;

/// How often a card may be tried. Tries that pay nothing count: declined, refused by 3-D Secure, and not known yet.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Guard {
    /// On by default.
    pub(crate) enabled: bool,
    /// Of one order: 5 in 30 minutes; more are refused until the window has passed.
    order: Limit,
    /// Of one session (`shopper.session`): 10 in 60 minutes; more are refused until the window has passed.
    session: Limit,
    /// Of one member (`shopper.member`): 10 in 24 hours; more have to wait, or to pass the host's challenge.
    member: Limit,
    /// Of one address, or one /64 of IPv6: 30 in 60 minutes; as with a member.
    address: Limit,
    /// Of one card, by its fingerprint: 5 in 60 minutes; as with a member.
    card: Limit,
    /// Of the whole shop: the effect `shop.alarm`, and for as long again half of each limit that strangers share.
    alarm: Alarm,
    /// Seconds that a limit which strangers share makes the next try wait; twice that the next time, and so on. 30 by default.
    wait_secs: u32,
    /// The longest such wait, after which a shopper without failed tries of their own may pay at any rate. 600 by default.
    longest_wait_secs: u32,
    /// The host has a challenge of its own for people: it is asked for (`guard.challenge`) where the shopper would have to
    /// wait, and of everybody while the alarm stands; the host says `shopper.human` when it was passed. Off by default.
    challenge: bool,
    /// Proxies whose `x-forwarded-for` is believed, as `192.0.2.0/24`; none by default.
    pub(crate) trusted_proxies: Vec<Network>,
}

/// So many tries within so many minutes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Limit {
    /// 1 or more.
    tries: u16,
    /// 1 to 10,080, a week.
    minutes: u16,
}

/// An attack on the whole shop.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Alarm {
    /// So many failures; 50 by default.
    failures: u16,
    /// More than so many of a hundred tries; 60 by default.
    percent: u8,
    /// Within so many minutes; 10 by default. At most one alarm is raised in as long.
    minutes: u16,
}

const DAY: u16 = 24 * 60;
const WEEK: u16 = 7 * DAY;

impl Default for Guard {
    fn default() -> Self {
        let limit = |tries, minutes| Limit { tries, minutes };
        Self {
            enabled: true,
            order: limit(5, 30),
            session: limit(10, 60),
            member: limit(10, DAY),
            address: limit(30, 60),
            card: limit(5, 60),
            alarm: Alarm::default(),
            wait_secs: 30,
            longest_wait_secs: 600,
            challenge: false,
            trusted_proxies: Vec::new(),
        }
    }
}

impl Default for Alarm {
    fn default() -> Self {
        Self {
            failures: 50,
            percent: 60,
            minutes: 10,
        }
    }
}

impl Guard {
    /// The limit of a kind of keys, as the rules take it.
    pub(crate) fn limit(&self, kind: Kind) -> guard::Limit {
        let limit = match kind {
            Kind::Order => &self.order,
            Kind::Session => &self.session,
            Kind::Member => &self.member,
            Kind::Address => &self.address,
            Kind::Card => &self.card,
        };
        guard::Limit {
            tries: limit.tries,
            window: TimeDelta::minutes(limit.minutes.into()),
        }
    }

    /// What a limit that strangers share asks for.
    pub(crate) fn softly(&self) -> Softly {
        match self.challenge {
            true => Softly::Challenge,
            false => Softly::Wait(
                TimeDelta::seconds(self.wait_secs.into()),
                TimeDelta::seconds(self.longest_wait_secs.into()),
            ),
        }
    }

    /// The alarm, as the rules take it.
    pub(crate) fn alarm(&self) -> guard::Alarm {
        guard::Alarm {
            failures: self.alarm.failures,
            percent: self.alarm.percent,
            window: TimeDelta::minutes(self.alarm.minutes.into()),
        }
    }

    /// How long a try can matter.
    pub(crate) fn remembers(&self) -> TimeDelta {
        let minutes = self.limits().map(|limit| limit.minutes).into_iter();
        TimeDelta::minutes(minutes.chain([self.alarm.minutes]).max().unwrap_or(WEEK).into())
    }

    /// Refuses figures that guard nothing, or lock out for good.
    pub(super) fn check(&self) -> Result<(), Problem> {
        let sound = |tries: u16, minutes: u16| tries > 0 && (1..=WEEK).contains(&minutes);
        let alarm = &self.alarm;
        let limits_sound = self.limits().iter().all(|limit| sound(limit.tries, limit.minutes));
        if !limits_sound || !sound(alarm.failures, alarm.minutes) || alarm.percent > 99 {
            let why = "a limit is 1 or more tries within 1 to 10,080 minutes, a share at most 99 percent";
            return Err(Problem::misuse("config.guard", why));
        }
        if self.wait_secs == 0 || self.wait_secs > self.longest_wait_secs || self.longest_wait_secs > 3_600 {
            let why = "guard.wait_secs is 1 to guard.longest_wait_secs, and that at most 3,600";
            return Err(Problem::misuse("config.guard", why));
        }
        Ok(())
    }

    fn limits(&self) -> [&Limit; 5] {
        [&self.order, &self.session, &self.member, &self.address, &self.card]
    }
}
