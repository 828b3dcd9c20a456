<?php
/* The same host in PHP over FFI: php -d ffi.enable=1 host.php LIBRARY HEADER CONFIG_JSON CARD_TOKEN */
[, $library, $header, $config, $token] = $argv;
$paygent = FFI::cdef(file_get_contents($header), $library);
$plugin = $paygent->new('paygent_plugin *');
$host = $paygent->new('paygent_host');
$host->struct_size = FFI::sizeof($host);
$host->abi = $paygent->paygent_abi_version();
$hooks = 0;
$host->register_hook = function ($ctx, $hook) use (&$hooks) {
    $hooks++;
    echo 'hook ', FFI::string($hook->name), ' ', FFI::string($hook->method), ' ', FFI::string($hook->path), "\n";
};

function finish(FFI $paygent, int $status, FFI\CData $reply, string $what): array
{
    $answer = FFI::string($reply->ptr, $reply->len);
    $paygent->paygent_free(FFI::addr($reply));
    if ($status !== $paygent->PAYGENT_OK) {
        exit("$what: status $status, $answer\n");
    }
    return json_decode($answer, true);
}

$reply = $paygent->new('paygent_bytes');
$status = $paygent->paygent_open(FFI::addr($host), $config, strlen($config), FFI::addr($plugin), FFI::addr($reply));
finish($paygent, $status, $reply, 'open');
$call = function (string $hook, array $request) use ($paygent, $plugin): array {
    $json = json_encode($request);
    $reply = $paygent->new('paygent_bytes');
    $status = $paygent->paygent_call($plugin, $hook, strlen($hook), $json, strlen($json), FFI::addr($reply));
    return finish($paygent, $status, $reply, $hook);
};
$applied = fn (array $keys) => $call('effects.ack', ['data' => ['acks' => array_map(fn ($key) => ['key' => $key, 'result' => 'applied'], $keys)]]);

echo "$hooks hooks, plugin ", $paygent->paygent_version(), "\n";
$at = '2026-11-24T12:00:00+09:00';
$order = ['id' => 'p1', 'number' => 'P1', 'status' => 'processing', 'amount' => 3300, 'created_at' => $at, 'updated_at' => $at];
$entered = $call('checkout.enter', ['data' => ['order' => $order, 'urls' => ['complete' => '/complete', 'back' => '/cart']]]);
$path = '/pay/' . $entered['data']['checkout'];
$applied(array_column($entered['effects'], 'key'));
$page = $call('card.page', ['method' => 'GET', 'path' => $path]);
$body = http_build_query(['form' => $page['data']['form'], 'card_token' => $token]);
$paid = $call('card.pay', ['method' => 'POST', 'path' => $path, 'body' => $body]);
echo 'paid: ', $paid['data']['outcome'], "\n";
$applied(array_column($paid['effects'], 'key'));
$staff = ['operator' => ['id' => '1', 'name' => 'PHP'], 'rights' => ['view', 'capture']];
$list = $call('admin.list', ['method' => 'GET', 'path' => '/payments'] + $staff);
$body = http_build_query(['operation' => 'capture', 'order' => 'p1', 'csrf' => $list['data']['csrf']]);
$call('admin.bulk.start', ['method' => 'POST', 'path' => '/payments/bulk', 'body' => $body] + $staff);
echo 'state: ', $call('payments.state', ['data' => ['order_ids' => ['p1']]])['data']['orders']['p1']['label'], "\n";
$paygent->paygent_close($plugin);
