<?php
/**
 * A day of a POS with PHP's own SoapClient: all ten operations of the Integration API.
 *
 *   apt install php-cli php-soap
 *   php pos.php https://api.example.com STORE USER PASSWORD [1.1|1.2]
 */
declare(strict_types=1);

const NS = 'urn:integrator:v1';

[, $base, $store, $user, $password] = $argv;
$version = ($argv[5] ?? '1.1') === '1.2' ? SOAP_1_2 : SOAP_1_1;

function say(string $topic, array $values): void
{
    $parts = [$topic];
    foreach ($values as $key => $value) {
        $parts[] = "$key=" . (is_bool($value) ? ($value ? 'true' : 'false') : $value);
    }
    echo implode("\t", $parts), "\n";
}

/** A proxy with the credentials in every call, as a SOAP header entry. */
function service(string $base, string $name, string $store, string $user, string $password, int $version): SoapClient
{
    $client = new SoapClient("$base/$name?wsdl", [
        'soap_version' => $version,
        'encoding' => 'UTF-8',
        'exceptions' => true,
        'cache_wsdl' => WSDL_CACHE_NONE,             // in production: WSDL_CACHE_BOTH
        'features' => SOAP_SINGLE_ELEMENT_ARRAYS,    // an array with one element stays an array
        'compression' => SOAP_COMPRESSION_ACCEPT | SOAP_COMPRESSION_GZIP,
    ]);
    $client->__setSoapHeaders(credentials($store, $user, $password));
    return $client;
}

function credentials(string $store, string $user, string $password): SoapHeader
{
    return new SoapHeader(NS, 'Credentials', ['StoreId' => $store, 'UserName' => $user, 'Password' => $password]);
}

/** The totals of a call, and each item that it did not take: correct those and send them again. */
function report(string $topic, object $result): void
{
    say($topic, ['Received' => $result->Received, 'Applied' => $result->Applied,
        'Unchanged' => $result->Unchanged, 'Failed' => $result->Failed]);
    foreach ($result->Results->ItemResult ?? [] as $one) {
        if (!$one->Success) {
            say('problem', ['Call' => $topic, 'Index' => $one->Index, 'Id' => $one->Id,
                'Code' => $one->ErrorCode, 'Field' => $one->ErrorField ?? '']);
            fwrite(STDERR, $one->ErrorMessage . ' ' . ($one->ErrorHint ?? '') . "\n");
        }
    }
}

// Amounts go as text, so that no floating point comes between: '49.90', not 49.90.

function pushProducts(SoapClient $service): void
{
    $push = fn (array $products) =>
        $service->UpdatePOSProducts(['Products' => ['POSProduct' => $products]])->UpdatePOSProductsResult;
    $shirt = [
        'ItemIntegrationId' => 'SHIRT-S',
        'StyleId' => 'SHIRT',
        'StyleName' => "Chemise d'été",
        'Options' => ['ProductOption' => [['Name' => 'Größe', 'Value' => 'S']]],
        'Name' => "Chemise d'été – Größe S 👕",
        'LongDescription' => '<p>Coton & lin, 100 % naturel</p>',
        'Brand' => 'Müller & Söhne',
        'Department' => 'Été',
        'Tags' => ['Tag' => ['summer', '夏']],
        'Price' => '49.90',
        'Cost' => '17.1234',
        'Quantity' => '12.25',
        'Weight' => '0.3505',
        'WeightUnit' => 'kg',
        'SellOnline' => true,
    ];
    $medium = [
        'ItemIntegrationId' => 'SHIRT-M',
        'StyleId' => 'SHIRT',
        'Options' => ['ProductOption' => [['Name' => 'Größe', 'Value' => 'M']]],
        'Name' => "Chemise d'été – Größe M",
        'Price' => '49.90',
    ];
    report('products', $push([$shirt, $medium, ['ItemIntegrationId' => 'BAD-1', 'Name' => 'No price']]));
    report('products-none', $push([]));

    $many = [];
    for ($n = 1; $n <= 1000; $n++) {
        $many[] = ['ItemIntegrationId' => sprintf('BULK-%04d', $n), 'Name' => "Bulk $n",
            'Price' => hundredths($n)];
    }
    report('products-many', $push($many));

    // Absent (Department): unchanged. Empty (Brand): an empty text. null (Cost): xsi:nil, cleared.
    report('products-again', $push([['ItemIntegrationId' => 'SHIRT-S', 'Brand' => '', 'Cost' => null]]));
}

/** n / 100 as text. */
function hundredths(int $n): string
{
    return intdiv($n, 100) . '.' . sprintf('%02d', $n % 100);
}

function pushInventory(SoapClient $service): void
{
    $push = fn (array $items) => $service->UpdateInventory(['Items' => ['InventoryItem' => $items]])->UpdateInventoryResult;
    $perLocation = [['LocationId' => 'MAIN', 'Quantity' => '5.25'], ['LocationId' => 'SHOP', 'Quantity' => -1]];
    report('inventory', $push([
        ['ItemIntegrationId' => 'SHIRT-S', 'LocationQuantities' => ['LocationQuantity' => $perLocation]],
        ['ItemIntegrationId' => 'SHIRT-M', 'Quantity' => 0],
        ['ItemIntegrationId' => 'UNKNOWN', 'Quantity' => 1],
    ]));
    report('inventory-none', $push([]));
    $many = [];
    for ($n = 1; $n <= 1000; $n++) {
        $many[] = ['ItemIntegrationId' => sprintf('BULK-%04d', $n), 'Quantity' => "$n.125"];
    }
    report('inventory-many', $push($many));
}

function pushPrices(SoapClient $service, SoapHeader $credentials): void
{
    $push = fn (array $items) => $service->UpdatePricing(['Items' => ['PricingItem' => $items]])->UpdatePricingResult;
    $sale = [
        'ItemIntegrationId' => 'SHIRT-S',
        'Price' => '44.9',
        'SalePrice' => '39.5050',
        'SaleStart' => '2030-06-01T06:30:00Z',
        'SaleEnd' => '2030-06-30T21:59:59Z',
    ];
    // A RequestId makes a call safe to repeat: after a time-out send the same id and the same content again,
    // and the stored answer comes back (the same CallId), nothing is applied twice.
    $service->__setSoapHeaders([$credentials, new SoapHeader(NS, 'RequestId', bin2hex(random_bytes(16)))]);
    $first = $push([$sale]);
    report('pricing', $first);
    $again = $push([$sale]);
    say('repeat', ['SameCall' => $first->CallId === $again->CallId]);
    $service->__setSoapHeaders($credentials);

    report('pricing-none', $push([]));
    $many = [];
    for ($n = 1; $n <= 1000; $n++) {
        $many[] = ['ItemIntegrationId' => sprintf('BULK-%04d', $n), 'Price' => "$n.99"];
    }
    report('pricing-many', $push($many));
}

/** GetNew, store, Confirm, until nothing is left. Reading changes nothing: what is not confirmed comes again. */
function takeOrders(SoapClient $service): string
{
    $received = $calls = 0;
    $first = '';
    do {
        $answer = $service->GetNewOrders([])->GetNewOrdersResult;
        $orders = $answer->Orders->Order ?? [];
        if (!$orders) {
            break;
        }
        $calls++;
        $confirmations = [];
        foreach ($orders as $order) {
            $lines = $order->Lines->OrderLine ?? [];
            if ($first === '') {
                $first = $order->OrderId;
                say('order', ['OrderId' => $order->OrderId, 'OrderNumber' => $order->OrderNumber,
                    'OrderDate' => $order->OrderDate, 'FirstName' => $order->Customer->FirstName,
                    'City' => $order->ShippingAddress->City, 'GrandTotal' => $order->GrandTotal,
                    'Lines' => count($lines)]);
                foreach ($lines as $line) {
                    say('line', ['LineId' => $line->LineId, 'Item' => $line->ItemIntegrationId,
                        'Name' => $line->Name, 'Quantity' => $line->QuantityOrdered, 'UnitPrice' => $line->UnitPrice]);
                }
            }
            // Store the order here, under its OrderId, before it is confirmed.
            $unknown = array_filter($lines, fn ($line) => $line->ItemIntegrationId === '');
            $confirmations[] = $unknown
                ? ['Id' => $order->OrderId, 'Success' => false, 'ErrorMessage' => 'Unbekannter Artikel: Größe?']
                : ['Id' => $order->OrderId, 'PosReceiptNumber' => "R-$order->OrderNumber", 'PosCustomerId' => 'C-4711'];
        }
        $received += count($orders);
        report('orders-confirmed', $service->ConfirmOrders(
            ['Confirmations' => ['Confirmation' => $confirmations]])->ConfirmOrdersResult);
    } while ($answer->MoreAvailable);
    say('orders', ['Received' => $received, 'Calls' => $calls]);

    $left = $service->GetNewOrders(['MaxRecords' => 10])->GetNewOrdersResult;
    say('orders-left', ['Received' => count($left->Orders->Order ?? [])]);
    // Confirming again does no harm.
    $again = $service->ConfirmOrders(['Confirmations' => ['Confirmation' => [['Id' => $first]]],
        'ReturnAllResults' => true])->ConfirmOrdersResult;
    say('orders-again', ['Action' => $again->Results->ItemResult[0]->Action]);
    return $first;
}

function takeTransactions(SoapClient $service): void
{
    $answer = $service->GetNewTransactions(['MaxRecords' => 100])->GetNewTransactionsResult;
    $confirmations = [];
    foreach ($answer->Transactions->Transaction ?? [] as $one) {
        say('transaction', ['TransactionId' => $one->TransactionId, 'Type' => $one->Type,
            'TransactionDate' => $one->TransactionDate, 'GrandTotal' => $one->GrandTotal,
            'Lines' => count($one->Lines->TransactionLine ?? [])]);
        $confirmations[] = ['Id' => $one->TransactionId, 'PosReceiptNumber' => "T-$one->TransactionNumber"];
    }
    report('transactions-confirmed', $service->ConfirmTransactions(
        ['Confirmations' => ['Confirmation' => $confirmations]])->ConfirmTransactionsResult);
}

function takeCaptures(SoapClient $service): void
{
    $answer = $service->GetNewCaptures(['MaxRecords' => 100])->GetNewCapturesResult;
    $confirmations = [];
    foreach ($answer->Captures->Capture ?? [] as $one) {
        say('capture', ['CaptureId' => $one->CaptureId, 'Type' => $one->Type, 'CaptureDate' => $one->CaptureDate,
            'Amount' => $one->Amount, 'Last4' => $one->Last4]);
        $confirmations[] = ['Id' => $one->CaptureId];
    }
    $confirmations[] = ['Id' => 'NO-SUCH-ID'];
    report('captures-confirmed', $service->ConfirmCaptures(
        ['Confirmations' => ['Confirmation' => $confirmations]])->ConfirmCapturesResult);
}

function ship(SoapClient $service, string $orderId): void
{
    $save = fn (array $shipments) => $service->SaveShipments(['Shipments' => ['Shipment' => $shipments]])->SaveShipmentsResult;
    $shipment = [
        'ShipmentId' => 'S-1',
        'OrderId' => $orderId,
        'ShipDate' => '2026-11-24T10:30:00+01:00',
        'Carrier' => 'Österreichische Post',
        'TrackingNumbers' => ['TrackingNumber' => ['1Z-1', '1Z-2']],
        'Lines' => ['ShipmentLine' => [['LineId' => '1', 'Quantity' => 1]]],
    ];
    report('shipment', $save([$shipment]));
    // The same shipment again is a Duplicate; one without lines is refused; the good one counts all the same.
    report('shipment-again', $save([$shipment, ['ShipmentId' => 'S-2', 'OrderId' => $orderId]]));
}

$products = service($base, 'ProductTasks', $store, $user, $password, $version);
$orders = service($base, 'OrderTasks', $store, $user, $password, $version);
pushProducts($products);
pushInventory($products);
pushPrices($products, credentials($store, $user, $password));
$orderId = takeOrders($orders);
takeTransactions($orders);
takeCaptures($orders);
ship($orders, $orderId);

// What concerns the whole call is a Fault. Client: do not send it again unchanged. Server: send it again later.
$orders->__setSoapHeaders(credentials($store, $user, 'wrong'));
try {
    $orders->GetNewOrders([]);
} catch (SoapFault $fault) {
    say('fault', ['Code' => $fault->faultcode, 'Message' => $fault->getMessage()]);
}
