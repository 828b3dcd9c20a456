//! The tables of `schema.sql` as diesel sees them.

diesel::table! {
    products (product_id) { product_id -> Integer, name_ja -> Text, name_en -> Text, mark -> Text, price -> BigInt, stock -> Integer, }
}
diesel::table! {
    members (member_id) { member_id -> Integer, buyer -> Text, points -> BigInt, }
}
diesel::table! {
    sessions (session_id) { session_id -> Text, member_id -> Nullable<Integer>, order_id -> Nullable<Text>, }
}
diesel::table! {
    cart_lines (session_id, product_id) { session_id -> Text, product_id -> Integer, quantity -> Integer, }
}
diesel::table! {
    orders (order_id) {
        order_id -> Text,
        session_id -> Nullable<Text>,
        member_id -> Nullable<Integer>,
        status -> Text,
        amount -> BigInt,
        points -> BigInt,
        buyer -> Text,
        by_hand -> Bool,
        withdrawn -> Bool,
        created_at -> Timestamp,
        ordered_at -> Nullable<Timestamp>,
        paid_at -> Nullable<Timestamp>,
        updated_at -> Timestamp,
        last_effect -> Integer,
    }
}
diesel::table! {
    order_lines (order_id, product_id) { order_id -> Text, product_id -> Integer, price -> BigInt, quantity -> Integer, }
}
diesel::table! {
    effects (effect_key) {
        effect_key -> Text,
        order_id -> Text,
        number -> Integer,
        kind -> Text,
        reason -> Nullable<Text>,
        applied_at -> Timestamp,
    }
}
diesel::table! {
    movements (order_id, hold, thing, taken) { order_id -> Text, hold -> Integer, thing -> Text, taken -> Bool, quantity -> BigInt, }
}
diesel::table! {
    mails (effect_key) { effect_key -> Text, order_id -> Text, sent_to -> Text, subject -> Text, sent_at -> Timestamp, }
}
diesel::joinable!(cart_lines -> products (product_id));
diesel::allow_tables_to_appear_in_same_query!(cart_lines, order_lines, products);
