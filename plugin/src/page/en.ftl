# The English wording. The Japanese is ja.ftl; both have the same ids (a test holds them to it).

## Card page
card-title = Pay by card
card-order = Order
card-amount = Amount
card-number = Card number
card-number-hint = With or without spaces
card-brands = Cards we take
card-expiry = Expiry (month/year)
card-expiry-hint = As on the card, such as 04/29
card-cvc = Security code
card-cvc-hint = 3 on the back, AMEX 4 in front
card-name = Name on the card
card-name-hint = As on the card, such as TARO YAMADA
card-payments = Payments
card-once = Pay at once
card-instalments = { $count } instalments
card-pay = Pay { $amount }
card-paying = Working. Please stay on this page…
card-back = Back
card-back-help = “Back” withdraws this order. Your cart stays as it was.
card-no-script = Paying here needs JavaScript. Please switch it on in your browser and open this page again. Your card number is sent to Paygent itself, never to this shop.
card-safe = Your card number is sent to Paygent itself, never to this shop.
card-test = Test environment: nothing is charged.
card-errors = Please check what you typed
card-brand-unknown = The brand is shown while you type

## Card page, by field
card-bad-number = Please check the card number.
card-bad-brand = This shop does not take cards of this brand. Please use another card.
card-bad-expiry = Please check the expiry date.
card-bad-cvc = Please check the security code.
card-bad-name = Please type the name on the card in Latin letters.
card-bad-script = Card payment could not be prepared. Please check your connection and open the page again.
card-bad-token = The card could not be read. Please try again in a while.

## After a refusal
card-declined = This card could not be charged. Please try another card, or ask your card company.
card-other-card = This card cannot be used. Please use another card.
card-limit = This card could not be charged, because of its limits. Please use another card.
card-again = Nothing was paid. Please type the card again.
card-not-executed = The payment company could not be reached and nothing was paid. Please try again in a while.
card-amount-changed = The amount of your order changed after you confirmed it. Please go back and confirm it again.

## Being checked
confirming-title = Your payment is being checked
confirming-text = We are waiting for the card company’s answer. Please do not pay again. This page moves on by itself as soon as the result is known.
confirming-stay = The check goes on even if you close this page.
confirming-again = Check now

## Pages that say one thing
notice-withdrawn-title = The order was withdrawn
notice-withdrawn = You pressed “Back”, so this order no longer exists. Nothing was paid.
notice-closed-title = This order is closed
notice-closed = This payment page can no longer be used. Please start again from your cart.
notice-sold-out-title = The order could not be taken
notice-sold-out = There was not enough stock, or not enough points, any more. Nothing was paid.
notice-not-ready-title = One moment
notice-not-ready = The payment is being prepared. Please wait a little and open the page again.
notice-contact-shop-title = Please ask the shop
notice-contact-shop = Something about this payment must be checked. Please do not pay again, and tell the shop your order number.
notice-unknown-title = Page not found
notice-unknown = There is no such page. Please go on from the shop’s own pages.
notice-forbidden-title = This cannot be done
notice-forbidden = You lack the right, or the page was opened too long ago. Please open the page again and retry.
notice-trouble-title = Not possible right now
notice-trouble = Please wait a little and try again. Whether a payment happened is found out by itself.
notice-back = Back to the order
notice-again = Open again

## Order status
status-new = New
status-paid = Paid
status-in-progress = In progress
status-cancelled = Cancelled
status-shipped = Shipped
status-processing = In checkout
status-pending = Payment pending
status-returned = Returned

## Paygent status
label-captured = Captured
label-voided = Authorisation voided
label-sale-cancelled = Sale cancelled
label-expired = Authorisation expired
label-captured-for-good = Captured (past the cancel limit)

## Staff
menu-parent = Orders
menu-label = Paygent payments
list-title = Paygent payments
list-parent = Orders
list-search = Order no., name, company, e-mail or phone
list-search-help = Type one of them. Up to 10 digits find the order number as a whole, anything else finds parts. Names are found as displayed, without the space, and by kana.
list-status = Order status
list-status-help = Only orders of the ticked statuses are shown. With none ticked, all but “In checkout” and “Payment pending”.
list-help = Help
list-submit = Search
list-count = { $count } orders found
list-per-page = { $count } rows
list-page-size = Rows per page
list-pages = Pages
list-run = Run
list-date = Ordered
list-number = Order no.
list-state-1 = Paygent
list-state-2 = status
list-change = Amount change
list-capture = Capture
list-cancel = Cancel
list-name = Name
list-method = Payment method
list-amount = Amount
list-order-status = Order status
list-box-capture = Capture
list-box-cancel = Cancel
list-all-capture = Select all for capture
list-all-cancel = Select all for cancel
list-of-order = order { $number }
list-empty = No orders found.
list-online = Open Paygent Online
list-note = A capture is billed on the card company’s next closing date. Always capture and cancel here, never in Paygent Online.
list-contact = For fees and contracts please ask Paygent.
list-nothing-ticked = No order is selected. Tick the orders to run.
list-confirm-title = Please confirm
list-confirm-capture = Capture the { $count } selected orders?
list-confirm-void = Cancel the { $count } selected orders?
list-ok = OK
list-no = Do nothing
list-succeeded = { $count } succeeded
list-failed = { $count } failed
list-result-line = Order { $number } → { $words }
list-why = Reason: { $reason }
list-running = Working: { $done } of { $total } done
list-go-on = Show progress

## Results of a bulk run
run-021-done = authorisation voided
run-021-failed = authorisation not voided
run-022-done = captured
run-022-failed = not captured
run-023-done = sale cancelled
run-023-failed = sale not cancelled
run-capture-done = captured
run-capture-failed = not captured
run-void-done = cancelled
run-void-failed = not cancelled

## Why not
refused-unknown-order = there is no such order
refused-no-payment = this order has no payment at Paygent
refused-busy = another operation on this payment is under way
refused-state = the payment’s state changed, so this cannot be done
reason-too-late = past the limit (2007)
reason-conflict = does not fit the state at Paygent (2004)
reason-not-executed = it did not reach Paygent; you can run it again ({ $code })
reason-gateway = Paygent could not do it ({ $code })
reason-setup = please check the settings ({ $code })
reason-code = Paygent answered { $code }
