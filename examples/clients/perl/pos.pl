#!/usr/bin/perl
# A day of a POS with Perl's SOAP::Lite: all ten operations of the Integration API.
#
#   apt install libsoap-lite-perl
#   perl pos.pl https://api.example.com STORE USER PASSWORD [1.1|1.2]
#
# SOAP::Lite does not read documents of a document/literal WSDL, so the few lines of `element` build them:
# a hash becomes elements, a list repeats the element, a reference to undef becomes xsi:nil="true".
use strict;
use warnings;
use utf8;
use Encode qw(decode);
use SOAP::Lite;

binmode STDOUT, ':utf8';
binmode STDERR, ':utf8';

use constant NS  => 'urn:integrator:v1';
use constant NIL => \undef;

my ($base, $store, $user, $password, $version) = map { decode('UTF-8', $_) } @ARGV;

sub say_line {
    my ($topic, @pairs) = @_;
    my @parts = ($topic);
    while (my ($key, $value) = splice @pairs, 0, 2) { push @parts, "$key=" . ($value // '') }
    print join("\t", @parts), "\n";
}

# An element with its content; @$content of pairs keeps an order, %$content does not need one.
sub element {
    my ($name, $value) = @_;
    return map { element($name, $_) } @$value if ref $value eq 'ARRAY';
    my $made = SOAP::Data->name($name);
    return $made->attr({'xsi:nil' => 'true'}) if ref $value eq 'SCALAR';
    return $made->value(SOAP::Utils::encode_data("$value")) unless ref $value eq 'HASH';
    return $made->value('') unless %$value;
    return $made->value(\SOAP::Data->value(map { element($_, $value->{$_}) } sort keys %$value));
}

sub service {
    my ($name, $secret) = @_;
    SOAP::Lite->soapversion('1.2') if ($version // '') eq '1.2';
    my $soap = SOAP::Lite->new->proxy("$base/$name", timeout => 120)->default_ns(NS)
        ->on_action(sub { join '/', @_ })->autotype(0)->encoding('UTF-8')->encodingStyle('');
    $soap->on_fault(sub { my ($client, $answer) = @_; die ref $answer ? $answer : $client->transport->status . "\n" });
    # The credentials go into every call, as a SOAP header entry.
    my $credentials = SOAP::Header->name('Credentials')->uri(NS)->prefix('h')->value(
        \SOAP::Data->value(
            map { SOAP::Data->name($_->[0])->uri(NS)->prefix('h')->value(SOAP::Utils::encode_data($_->[1])) }
                (['StoreId', $store], ['UserName', $user], ['Password', $secret // $password])));
    return sub {
        my ($operation, $arguments, $request_id) = @_;
        my @headers = ($credentials);
        push @headers, SOAP::Header->name('RequestId')->uri(NS)->prefix('h')->value($request_id)
            if $request_id;
        my $answer = $soap->call($operation, @headers, map { element($_, $arguments->{$_}) } sort keys %$arguments);
        return $answer->result;
    };
}

# An array that is absent or has no elements is undef or '', one with a single element is the element itself.
sub items {
    my ($array, $name) = @_;
    return () unless ref $array eq 'HASH' && defined $array->{$name};
    return ref $array->{$name} eq 'ARRAY' ? @{$array->{$name}} : ($array->{$name});
}

sub true { my ($value) = @_; return defined $value && $value =~ /^(true|1)$/ }

# The totals of a call, and each item that it did not take: correct those and send them again.
sub report {
    my ($topic, $result) = @_;
    say_line($topic, map { $_ => $result->{$_} } qw(Received Applied Unchanged Failed));
    for my $one (items($result->{Results}, 'ItemResult')) {
        next if true($one->{Success});
        say_line('problem', Call => $topic, Index => $one->{Index}, Id => $one->{Id}, Code => $one->{ErrorCode},
            Field => $one->{ErrorField});
        print STDERR "$one->{ErrorMessage} ", $one->{ErrorHint} // '', "\n";
    }
}

sub push_products {
    my ($service) = @_;
    my $push = sub { $service->('UpdatePOSProducts', {Products => {POSProduct => [@_]}}) };
    my %shirt = (
        ItemIntegrationId => 'SHIRT-S',
        StyleId           => 'SHIRT',
        StyleName         => "Chemise d'été",
        Options           => {ProductOption => [{Name => 'Größe', Value => 'S'}]},
        Name              => "Chemise d'été – Größe S 👕",
        LongDescription   => '<p>Coton & lin, 100 % naturel</p>',
        Brand             => 'Müller & Söhne',
        Department        => 'Été',
        Tags              => {Tag => ['summer', '夏']},
        Price             => '49.90',
        Cost              => '17.1234',
        Quantity          => '12.25',
        Weight            => '0.3505',
        WeightUnit        => 'kg',
        SellOnline        => 'true',
    );
    my %medium = (
        ItemIntegrationId => 'SHIRT-M',
        StyleId           => 'SHIRT',
        Options           => {ProductOption => [{Name => 'Größe', Value => 'M'}]},
        Name              => "Chemise d'été – Größe M",
        Price             => '49.90',
    );
    report('products',      $push->(\%shirt, \%medium, {ItemIntegrationId => 'BAD-1', Name => 'No price'}));
    report('products-none', $push->());
    report('products-many', $push->(map {
        {ItemIntegrationId => sprintf('BULK-%04d', $_), Name => "Bulk $_", Price => sprintf('%.2f', $_ / 100)}
    } 1 .. 1000));

    # Absent (Department): unchanged. Empty (Brand): an empty text. NIL (Cost): xsi:nil, cleared.
    report('products-again', $push->({ItemIntegrationId => 'SHIRT-S', Brand => '', Cost => NIL}));
}

sub push_inventory {
    my ($service) = @_;
    my $push = sub { $service->('UpdateInventory', {Items => {InventoryItem => [@_]}}) };
    my @per_location = ({LocationId => 'MAIN', Quantity => '5.25'}, {LocationId => 'SHOP', Quantity => -1});
    report('inventory', $push->(
        {ItemIntegrationId => 'SHIRT-S', LocationQuantities => {LocationQuantity => \@per_location}},
        {ItemIntegrationId => 'SHIRT-M', Quantity => 0},
        {ItemIntegrationId => 'UNKNOWN', Quantity => 1},
    ));
    report('inventory-none', $push->());
    report('inventory-many',
        $push->(map { {ItemIntegrationId => sprintf('BULK-%04d', $_), Quantity => "$_.125"} } 1 .. 1000));
}

sub push_prices {
    my ($service) = @_;
    my $push = sub { my ($request_id, @prices) = @_;
        $service->('UpdatePricing', {Items => {PricingItem => \@prices}}, $request_id) };
    my %sale = (
        ItemIntegrationId => 'SHIRT-S',
        Price             => '44.9',
        SalePrice         => '39.5050',
        SaleStart         => '2030-06-01T06:30:00Z',
        SaleEnd           => '2030-06-30T21:59:59Z',
    );
    # A RequestId makes a call safe to repeat: after a time-out send the same id and the same content again,
    # and the stored answer comes back (the same CallId), nothing is applied twice.
    my $request_id = sprintf 'perl-%d-%d', time, $$;
    my $first = $push->($request_id, \%sale);
    report('pricing', $first);
    my $again = $push->($request_id, \%sale);
    say_line('repeat', SameCall => $first->{CallId} eq $again->{CallId} ? 'true' : 'false');
    report('pricing-none', $push->(undef));
    report('pricing-many',
        $push->(undef, map { {ItemIntegrationId => sprintf('BULK-%04d', $_), Price => "$_.99"} } 1 .. 1000));
}

# GetNew, store, Confirm, until nothing is left. Reading changes nothing: what is not confirmed comes again.
sub take_orders {
    my ($service) = @_;
    my ($received, $calls, $first) = (0, 0, '');
    while (1) {
        my $answer = $service->('GetNewOrders', {});
        my @orders = items($answer->{Orders}, 'Order') or last;
        $calls++;
        my @confirmations;
        for my $order (@orders) {
            my @lines = items($order->{Lines}, 'OrderLine');
            if (!$first) {
                $first = $order->{OrderId};
                say_line('order', (map { $_ => $order->{$_} } qw(OrderId OrderNumber OrderDate GrandTotal)),
                    FirstName => $order->{Customer}{FirstName}, City => $order->{ShippingAddress}{City},
                    Lines => scalar @lines);
                say_line('line', LineId => $_->{LineId}, Item => $_->{ItemIntegrationId}, Name => $_->{Name},
                    Quantity => $_->{QuantityOrdered}, UnitPrice => $_->{UnitPrice}) for @lines;
            }
            # Store the order here, under its OrderId, before it is confirmed.
            my @unknown = grep { ($_->{ItemIntegrationId} // '') eq '' } @lines;
            push @confirmations, @unknown
                ? {Id => $order->{OrderId}, Success => 'false', ErrorMessage => 'Unbekannter Artikel: Größe?'}
                : {Id => $order->{OrderId}, PosReceiptNumber => "R-$order->{OrderNumber}", PosCustomerId => 'C-4711'};
        }
        $received += @orders;
        report('orders-confirmed', $service->('ConfirmOrders', {Confirmations => {Confirmation => \@confirmations}}));
        last unless true($answer->{MoreAvailable});
    }
    say_line('orders', Received => $received, Calls => $calls);

    my $left = $service->('GetNewOrders', {MaxRecords => 10});
    say_line('orders-left', Received => scalar(my @left = items($left->{Orders}, 'Order')));
    # Confirming again does no harm.
    my $again = $service->('ConfirmOrders',
        {Confirmations => {Confirmation => [{Id => $first}]}, ReturnAllResults => 'true'});
    say_line('orders-again', Action => (items($again->{Results}, 'ItemResult'))[0]{Action});
    return $first;
}

sub take_transactions {
    my ($service) = @_;
    my $answer = $service->('GetNewTransactions', {MaxRecords => 100});
    my @confirmations;
    for my $one (items($answer->{Transactions}, 'Transaction')) {
        say_line('transaction', (map { $_ => $one->{$_} } qw(TransactionId Type TransactionDate GrandTotal)),
            Lines => scalar(my @lines = items($one->{Lines}, 'TransactionLine')));
        push @confirmations, {Id => $one->{TransactionId}, PosReceiptNumber => "T-$one->{TransactionNumber}"};
    }
    report('transactions-confirmed',
        $service->('ConfirmTransactions', {Confirmations => {Confirmation => \@confirmations}}));
}

sub take_captures {
    my ($service) = @_;
    my $answer = $service->('GetNewCaptures', {MaxRecords => 100});
    my @confirmations;
    for my $one (items($answer->{Captures}, 'Capture')) {
        say_line('capture', map { $_ => $one->{$_} } qw(CaptureId Type CaptureDate Amount Last4));
        push @confirmations, {Id => $one->{CaptureId}};
    }
    push @confirmations, {Id => 'NO-SUCH-ID'};
    report('captures-confirmed', $service->('ConfirmCaptures', {Confirmations => {Confirmation => \@confirmations}}));
}

sub ship {
    my ($service, $order_id) = @_;
    my $save = sub { $service->('SaveShipments', {Shipments => {Shipment => [@_]}}) };
    my %shipment = (
        ShipmentId      => 'S-1',
        OrderId         => $order_id,
        ShipDate        => '2026-11-24T10:30:00+01:00',
        Carrier         => 'Österreichische Post',
        TrackingNumbers => {TrackingNumber => ['1Z-1', '1Z-2']},
        Lines           => {ShipmentLine => [{LineId => '1', Quantity => 1}]},
    );
    report('shipment', $save->(\%shipment));
    # The same shipment again is a Duplicate; one without lines is refused; the good one counts all the same.
    report('shipment-again', $save->(\%shipment, {ShipmentId => 'S-2', OrderId => $order_id}));
}

my $products = service('ProductTasks');
my $orders   = service('OrderTasks');
push_products($products);
push_inventory($products);
push_prices($products);
my $order_id = take_orders($orders);
take_transactions($orders);
take_captures($orders);
ship($orders, $order_id);

# What concerns the whole call is a Fault. Client: do not send it again unchanged. Server: send it again later.
my $wrong = service('OrderTasks', 'wrong');
eval { $wrong->('GetNewOrders', {}); 1 } or do {
    my $fault = $@;
    die $fault unless ref $fault;
    my $twelve = $fault->valueof('//Fault/Reason/Text');
    say_line('fault', Code => $fault->faultcode // $fault->valueof('//Fault/Code/Value'),
        Message => $fault->faultstring // $twelve);
};
