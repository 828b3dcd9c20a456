//! The tables, as `schema.sql` makes them.

use diesel::table;

table! {
    payments (payment_id) {
        payment_id -> BigInt,
        trading_id -> Text,
        amount -> BigInt,
        status -> Integer,
        brand -> Text,
        masked_card -> Text,
        expiry -> Text,
        fingerprint -> Text,
        card_key -> Text,
        payment_class -> Text,
        split_count -> Text,
        code -> Text,
        detail -> Text,
        applied_at -> BigInt,
        changed_at -> BigInt,
        captured_at -> Nullable<BigInt>,
        cancelled_at -> Nullable<BigInt>,
        three_ds -> Bool,
    }
}

table! {
    tokens (token) {
        token -> Text,
        brand -> Text,
        masked_card -> Text,
        expiry -> Text,
        fingerprint -> Text,
        card_key -> Text,
        has_cvc -> Bool,
        valid_until -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}

table! {
    telegrams (seq) {
        seq -> BigInt,
        at -> BigInt,
        path -> Text,
        kind -> Text,
        request -> Text,
        executed -> Bool,
        reply -> Text,
        delivery -> Text,
    }
}

table! {
    notices (notice_id) {
        notice_id -> BigInt,
        payment_id -> BigInt,
        status -> Integer,
        at -> BigInt,
        tries -> Integer,
        pushed_at -> Nullable<BigInt>,
        fetched_at -> Nullable<BigInt>,
        amount -> Nullable<BigInt>,
    }
}

table! {
    authentications (auth_id) {
        auth_id -> Text,
        trading_id -> Text,
        amount -> BigInt,
        brand -> Text,
        masked_card -> Text,
        fingerprint -> Text,
        card_key -> Text,
        term_url -> Text,
        result -> Text,
        attempt_kbn -> Text,
        tries -> Integer,
        used_at -> Nullable<BigInt>,
    }
}

table! {
    stored_cards (card_id) {
        card_id -> BigInt,
        customer_id -> Text,
        brand -> Text,
        masked_card -> Text,
        expiry -> Text,
        fingerprint -> Text,
        card_key -> Text,
    }
}

table! {
    links (link_id) {
        link_id -> Text,
        trading_id -> Text,
        amount -> BigInt,
        payment_class -> Text,
        needs_cvc -> Bool,
        captures -> Bool,
        merchant_name -> Text,
        payment_detail -> Text,
        return_url -> Text,
        stop_return_url -> Text,
        limit_at -> BigInt,
        authenticates -> Bool,
        waiting -> Text,
        payment_id -> Nullable<BigInt>,
    }
}
