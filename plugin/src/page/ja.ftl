# 日本語の文面。英語は en.ftl。どちらにも同じ見出し語がある（試験が確かめる）。

## カード入力ページ
card-title = クレジットカードでのお支払い
card-order = ご注文番号
card-amount = お支払い金額
card-number = カード番号
card-number-hint = ハイフンなしでも、空白が入ってもかまいません
card-brands = ご利用いただけるカード
card-expiry = 有効期限（月／年）
card-expiry-hint = カードの表記どおり、例：04/29
card-cvc = セキュリティコード
card-cvc-hint = 裏面3桁、AMEXは表面4桁
card-name = カード名義（ローマ字）
card-name-hint = カードの表記どおり、例：TARO YAMADA
card-payments = お支払い回数
card-once = 一括払い
card-instalments = { $count }回払い
card-pay = { $amount }を支払う
card-paying = 処理しています。このままお待ちください…
card-back = 戻る
card-back-help = 「戻る」を押すと、このご注文は取り消されます。カートの中身はそのまま残ります。
card-no-script = このページでのお支払いには JavaScript が必要です。ブラウザーの設定で有効にしてから、このページを開き直してください。カード番号はこのお店には送られず、ペイジェントに直接送られます。
card-safe = カード番号はこのお店には送られず、株式会社ペイジェントに直接送られます。
card-test = テスト環境です。実際の請求は行われません。
card-errors = 入力内容をご確認ください
card-brand-unknown = カード番号を入力するとブランドを表示します

## カード入力ページの案内（項目ごと）
card-bad-number = カード番号をご確認ください。
card-bad-brand = このお店では、このブランドのカードはご利用いただけません。別のカードをご利用ください。
card-bad-expiry = 有効期限をご確認ください。
card-bad-cvc = セキュリティコードをご確認ください。
card-bad-name = カード名義をローマ字でご入力ください。
card-bad-script = カード決済の準備ができませんでした。通信環境をご確認のうえ、ページを開き直してください。
card-bad-token = カード情報をお預かりできませんでした。しばらくしてから、もう一度お試しください。

## オーソリNGのあとの案内
card-declined = このカードではお支払いいただけませんでした。別のカードをお試しいただくか、カード会社へお問い合わせください。
card-other-card = このカードはご利用いただけません。別のカードをご利用ください。
card-limit = ご利用限度額などにより、このカードではお支払いいただけませんでした。別のカードをご利用ください。
card-again = お支払いは完了していません。お手数ですが、もう一度カード情報をご入力ください。
card-not-executed = 決済会社に接続できず、お支払いは行われていません。しばらくしてから、もう一度お試しください。
card-amount-changed = 確認ページのあとにご注文金額が変わりました。「戻る」から、もう一度ご注文内容をご確認ください。

## 確認中
confirming-title = お支払いを確認しています
confirming-text = カード会社からの返事を確認しています。もう一度お支払いの操作をなさらないでください。結果が分かり次第、このページは自動で切り替わります。
confirming-stay = このページを閉じても、確認は続きます。
confirming-again = 今すぐ確認する

## 案内だけのページ
notice-withdrawn-title = ご注文は取り消されました
notice-withdrawn = 「戻る」が押されたため、このご注文は残っていません。お支払いも行われていません。
notice-closed-title = このご注文は受け付けを終了しました
notice-closed = このお支払いページは使えなくなりました。お手数ですが、もう一度カートからお手続きください。
notice-sold-out-title = ご注文をお受けできませんでした
notice-sold-out = 在庫またはポイントが足りなくなったため、ご注文をお受けできませんでした。お支払いは行われていません。
notice-not-ready-title = 準備しています
notice-not-ready = お支払いの準備をしています。少し待ってから、もう一度開いてください。
notice-contact-shop-title = お店にご確認ください
notice-contact-shop = お支払いの内容に確認が必要です。もう一度お支払いにならず、ご注文番号を添えてお店へお問い合わせください。
notice-unknown-title = ページが見つかりません
notice-unknown = お探しのページはありません。お手数ですが、お店のページからお手続きください。
notice-forbidden-title = この操作はできません
notice-forbidden = 権限がないか、ページを開いてから時間がたちすぎています。ページを開き直してから、もう一度お試しください。
notice-trouble-title = ただいま処理できません
notice-trouble = 少し待ってから、もう一度お試しください。お支払いが行われたかどうかは、自動で確認されます。
notice-back = ご注文に戻る
notice-again = もう一度開く

## 対応状況
status-new = 新規受付
status-paid = 入金済み
status-in-progress = 対応中
status-cancelled = 注文取消し
status-shipped = 発送済み
status-processing = 購入処理中
status-pending = 決済処理中
status-returned = 返品

## ペイジェント状況
label-captured = 売上
label-voided = オーソリキャンセル
label-sale-cancelled = 売上キャンセル
label-expired = オーソリ期限切
label-captured-for-good = 売上(取消期限切)

## 管理画面
menu-parent = 受注管理
menu-label = ペイジェント決済管理
list-title = ペイジェント決済状況一覧
list-parent = 受注管理
list-search = 注文番号・お名前・会社名・メールアドレス・電話番号
list-search-help = どれか一つを入力します。10桁までの数字は注文番号と完全に一致するもの、それ以外は一部が一致するものを探します。お名前は、表示どおり（空白あり）でも、空白なしでも、カナでも探せます。
list-status = 対応状況
list-status-help = チェックを入れた対応状況の注文だけを表示します。何も選ばないときは、購入処理中と決済処理中を除いて表示します。
list-help = ヘルプ
list-submit = 検索
list-count = 検索結果：{ $count }件が該当しました
list-per-page = { $count }件
list-page-size = 表示件数
list-pages = ページ
list-run = 実行
list-date = 受注日時
list-number = 注文番号
list-state-1 = ペイジェント
list-state-2 = 状況
list-change = オーソリ・売上変更
list-capture = 一括売上
list-cancel = 一括取消
list-name = お名前
list-method = 支払方法
list-amount = 購入金額
list-order-status = 対応状況
list-box-capture = 売上
list-box-cancel = 取消
list-all-capture = 売上のすべてを選択
list-all-cancel = 取消のすべてを選択
list-of-order = 注文 { $number }
list-empty = 該当する注文はありません。
list-online = ペイジェントオンラインを開く
list-note = 売上処理を行うと、お客様のカード会社の締日に請求がかかります。売上・取消は、ペイジェントオンラインではなく、必ずこの画面から実行してください。
list-contact = 手数料・ご契約については、株式会社ペイジェントへお問い合わせください。
list-nothing-ticked = 注文が選択されていません。実行する注文にチェックを入れてください。
list-confirm-title = 実行の確認
list-confirm-capture = 選択した{ $count }件の注文を売上処理します。よろしいですか？
list-confirm-void = 選択した{ $count }件の注文を取り消します。よろしいですか？
list-ok = OK
list-no = キャンセル
list-succeeded = { $count }件が成功しました
list-failed = { $count }件が失敗しました
list-result-line = 受注番号：{ $number } → { $words }
list-why = 理由：{ $reason }
list-running = 処理しています：{ $total }件中{ $done }件が終わりました
list-go-on = 続きを表示する

## 一括処理の結果（R56）
run-021-done = オーソリキャンセル成功
run-021-failed = オーソリキャンセル失敗
run-022-done = 売上成功
run-022-failed = 売上失敗
run-023-done = 売上キャンセル成功
run-023-failed = 売上キャンセル失敗
run-capture-done = 売上成功
run-capture-failed = 売上失敗
run-void-done = 取消成功
run-void-failed = 取消失敗

## できなかった理由
refused-unknown-order = この注文は見つかりません
refused-no-payment = この注文にはペイジェントの決済がありません
refused-busy = 別の処理がこの決済を実行中です
refused-state = 決済の状態が変わったため、この操作はできません
reason-too-late = 期限を過ぎています（2007）
reason-conflict = ペイジェント側の状態と合いません（2004）
reason-not-executed = ペイジェントに届いていません。もう一度実行できます（{ $code }）
reason-gateway = ペイジェント側で処理できませんでした（{ $code }）
reason-setup = 設定をご確認ください（{ $code }）
reason-code = ペイジェントの応答：{ $code }
