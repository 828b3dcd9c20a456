//! The tables, as `migrations/` makes them.

use diesel::{allow_tables_to_appear_in_same_query, table};

table! {
    orders (order_id) {
        order_id -> Text,
        order_number -> Text,
        status -> Text,
        amount -> BigInt,
        customer_name -> Text,
        payment_method -> Text,
        created_at -> Timestamp,
        ordered_at -> Nullable<Timestamp>,
        updated_at -> Timestamp,
        search_name -> Text,
        search_kana -> Text,
        search_company -> Text,
        search_email -> Text,
        search_phone -> Text,
        removed -> Bool,
        payment_id -> Nullable<Text>,
        last_hold -> Integer,
        last_attempt -> Integer,
        last_effect -> Integer,
        paid_at -> Nullable<Timestamp>,
        deliver_on -> Nullable<Date>,
        tracking_number -> Text,
        search_products -> Text,
        shipping_mail_sent -> Nullable<Bool>,
        told_at -> Nullable<Timestamp>,
        index_due -> Nullable<Integer>,
        shopper -> Text,
        version -> Integer,
    }
}

table! {
    holds (checkout) {
        checkout -> Text,
        order_id -> Text,
        number -> Integer,
        amount -> BigInt,
        state -> Text,
        back_wanted -> Bool,
        complete_url -> Text,
        back_url -> Text,
        opened_at -> Timestamp,
        closed_at -> Nullable<Timestamp>,
        open_order -> Nullable<Text>,
        version -> Integer,
    }
}

table! {
    attempts (attempt_id) {
        attempt_id -> Text,
        order_id -> Text,
        hold -> Integer,
        number -> Integer,
        trading_id -> Text,
        form -> Text,
        amount -> BigInt,
        state -> Text,
        payment_id -> Nullable<Text>,
        code -> Nullable<Text>,
        sent_at -> Timestamp,
        settled_at -> Nullable<Timestamp>,
        inquiries -> Integer,
        inquired_at -> Nullable<Timestamp>,
        next_inquiry_at -> Nullable<Timestamp>,
        live_order -> Nullable<Text>,
        change_id -> Nullable<Text>,
        payment_class -> Text,
        split_count -> Integer,
        auth_id -> Nullable<Text>,
        return_key -> Nullable<Text>,
        sealed_card -> Nullable<Text>,
        three_ds -> Bool,
        link_until -> Nullable<Timestamp>,
        sealed_link -> Nullable<Text>,
        version -> Integer,
    }
}

table! {
    attempt_log (attempt_id, number) {
        attempt_id -> Text,
        number -> Integer,
        event -> Text,
        state -> Text,
        at -> Timestamp,
    }
}

table! {
    acs_pages (attempt_id) {
        attempt_id -> Text,
        sealed_page -> Text,
    }
}

table! {
    payments (payment_id) {
        payment_id -> Text,
        attempt_id -> Text,
        order_id -> Text,
        trading_id -> Text,
        amount -> BigInt,
        gateway_status -> Integer,
        last_operation -> Nullable<Text>,
        masked_card -> Nullable<Text>,
        authorised_at -> Timestamp,
        captured_at -> Nullable<Timestamp>,
        cancelled_at -> Nullable<Timestamp>,
        account -> Text,
        three_ds -> Bool,
        authenticated -> Bool,
        correction_refused -> Nullable<Text>,
        replaced_by -> Nullable<Text>,
        version -> Integer,
    }
}

table! {
    telegrams (telegram_id) {
        telegram_id -> Text,
        order_id -> Text,
        attempt_id -> Nullable<Text>,
        payment_id -> Nullable<Text>,
        kind -> Text,
        trading_id -> Text,
        amount -> Nullable<BigInt>,
        state -> Text,
        operator -> Nullable<Text>,
        planned_at -> Timestamp,
        sent_at -> Nullable<Timestamp>,
        settled_at -> Nullable<Timestamp>,
        due_at -> Nullable<Timestamp>,
        tries -> Integer,
        code -> Nullable<Text>,
        request -> Nullable<Text>,
        reply -> Nullable<Text>,
        open_key -> Nullable<Text>,
        change_id -> Nullable<Text>,
        number -> Integer,
        version -> Integer,
    }
}

table! {
    effects (effect_key) {
        effect_key -> Text,
        order_id -> Text,
        number -> Integer,
        kind -> Text,
        hold -> Integer,
        data -> Text,
        state -> Text,
        tries -> Integer,
        reason -> Nullable<Text>,
        created_at -> Timestamp,
        settled_at -> Nullable<Timestamp>,
    }
}

table! {
    jobs (job_id) {
        job_id -> Text,
        operation -> Text,
        operator_id -> Text,
        operator_name -> Text,
        total -> Integer,
        created_at -> Timestamp,
        finished_at -> Nullable<Timestamp>,
        state -> Text,
        started_at -> Nullable<Timestamp>,
        retry_of -> Nullable<Text>,
        search -> Nullable<Text>,
    }
}

table! {
    job_items (job_id, position) {
        job_id -> Text,
        position -> Integer,
        order_id -> Text,
        order_number -> Text,
        state -> Text,
        telegram_id -> Nullable<Text>,
        kind -> Nullable<Text>,
        code -> Nullable<Text>,
        change_id -> Nullable<Text>,
        moved -> Bool,
        seen -> Nullable<Text>,
        version -> Integer,
    }
}

table! {
    answers (request_id) {
        request_id -> Text,
        digest -> Text,
        status -> Integer,
        reply -> Text,
        created_at -> Timestamp,
    }
}

table! {
    flags (flag_id) {
        flag_id -> Text,
        order_id -> Text,
        kind -> Text,
        detail -> Text,
        created_at -> Timestamp,
        cleared_at -> Nullable<Timestamp>,
    }
}

table! {
    changes (change_id) {
        change_id -> Text,
        order_id -> Text,
        kind -> Text,
        way -> Text,
        state -> Text,
        old_payment_id -> Text,
        new_payment_id -> Nullable<Text>,
        attempt_id -> Text,
        old_amount -> BigInt,
        new_amount -> BigInt,
        steps -> Integer,
        refusals -> Integer,
        code -> Nullable<Text>,
        operator -> Nullable<Text>,
        started_at -> Timestamp,
        finished_at -> Nullable<Timestamp>,
        open_order -> Nullable<Text>,
        version -> Integer,
    }
}

table! {
    order_texts (number) {
        number -> BigInt,
        order_id -> Text,
    }
}

table! {
    order_counts (status) {
        status -> Text,
        orders -> BigInt,
    }
}

table! {
    failures (name) {
        name -> Text,
        times -> Integer,
        due_at -> Timestamp,
    }
}

table! {
    facts (name) {
        name -> Text,
        value -> Text,
    }
}

table! {
    notices (notice_id) {
        notice_id -> BigInt,
        payment_id -> Text,
        trading_id -> Text,
        status -> Integer,
        amount -> BigInt,
        fields -> Text,
        source -> Text,
        state -> Text,
        tries -> Integer,
        received_at -> Timestamp,
        due_at -> Nullable<Timestamp>,
        settled_at -> Nullable<Timestamp>,
    }
}

table! {
    leases (name) {
        name -> Text,
        until -> Timestamp,
        epoch -> Integer,
    }
}

table! {
    tries (attempt_id, kind, hash) {
        attempt_id -> Text,
        kind -> Text,
        hash -> Text,
        at -> Timestamp,
        state -> Text,
    }
}

table! {
    storings (storing_id) {
        storing_id -> Text,
        customer_id -> Text,
        state -> Text,
        sealed_card -> Nullable<Text>,
        known_cards -> Nullable<Text>,
        open_customer -> Nullable<Text>,
        code -> Nullable<Text>,
        tries -> Integer,
        created_at -> Timestamp,
        sent_at -> Nullable<Timestamp>,
        due_at -> Nullable<Timestamp>,
        version -> Integer,
    }
}

table! {
    removals (customer_id) {
        customer_id -> Text,
        tries -> Integer,
        code -> Nullable<Text>,
        asked_at -> Timestamp,
        due_at -> Timestamp,
        version -> Integer,
    }
}

allow_tables_to_appear_in_same_query!(
    orders,
    flags,
    payments,
    telegrams,
    attempts,
    attempt_log,
    holds,
    changes,
    notices
);
