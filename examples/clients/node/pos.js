/*
 * A day of a POS with node-soap: all ten operations of the Integration API.
 *
 *   npm install soap
 *   node pos.js https://api.example.com STORE USER PASSWORD [1.1|1.2]
 */
'use strict';

const { randomUUID } = require('node:crypto');
const soap = require('soap');

const NS = 'urn:integrator:v1';
const NIL = { attributes: { 'xsi:nil': 'true' } };
const [base, store, user, password, version = '1.1'] = process.argv.slice(2);

function say(topic, values) {
  console.log([topic, ...Object.entries(values).map(([key, value]) => `${key}=${value}`)].join('\t'));
}

/** A proxy with the credentials in every call, as a SOAP header entry. */
async function connect(name, secret = password) {
  const client = await soap.createClientAsync(`${base}/${name}?wsdl`, {
    forceSoap12Headers: version === '1.2',
    // Amounts stay text, so that no floating point comes between; times stay text in UTC.
    customDeserializer: { decimal: (text) => text, dateTime: (text) => text },
  });
  client.addSoapHeader({ Credentials: { StoreId: store, UserName: user, Password: secret } }, '', 'tns', NS);
  return client;
}

/** An array that is absent or has no elements is null, one with a single element may be the element itself. */
const items = (array, name) => [].concat((array && array[name]) || []);

/** The totals of a call, and each item that it did not take: correct those and send them again. */
function report(topic, result) {
  const { Received, Applied, Unchanged, Failed } = result;
  say(topic, { Received, Applied, Unchanged, Failed });
  for (const one of items(result.Results, 'ItemResult').filter((each) => !each.Success)) {
    say('problem', { Call: topic, Index: one.Index, Id: one.Id, Code: one.ErrorCode, Field: one.ErrorField ?? '' });
    console.error(one.ErrorMessage, one.ErrorHint ?? '');
  }
}

const bulkId = (n) => `BULK-${String(n).padStart(4, '0')}`;
const thousand = (make) => Array.from({ length: 1000 }, (_, index) => make(index + 1));

// The order of the members is free: the service takes the elements of an item in any order.

async function pushProducts(service) {
  const push = async (POSProduct) =>
    (await service.UpdatePOSProductsAsync({ Products: { POSProduct } }))[0].UpdatePOSProductsResult;
  const shirt = {
    ItemIntegrationId: 'SHIRT-S',
    StyleId: 'SHIRT',
    StyleName: "Chemise d'été",
    Options: { ProductOption: [{ Name: 'Größe', Value: 'S' }] },
    Name: "Chemise d'été – Größe S 👕",
    LongDescription: '<p>Coton & lin, 100 % naturel</p>',
    Brand: 'Müller & Söhne',
    Department: 'Été',
    Tags: { Tag: ['summer', '夏'] },
    Price: '49.90',
    Cost: '17.1234',
    Quantity: '12.25',
    Weight: '0.3505',
    WeightUnit: 'kg',
    SellOnline: true,
  };
  const medium = {
    ItemIntegrationId: 'SHIRT-M',
    StyleId: 'SHIRT',
    Options: { ProductOption: [{ Name: 'Größe', Value: 'M' }] },
    Name: "Chemise d'été – Größe M",
    Price: '49.90',
  };
  report('products', await push([shirt, medium, { ItemIntegrationId: 'BAD-1', Name: 'No price' }]));
  report('products-none', await push([]));
  report('products-many', await push(thousand((n) => ({
    ItemIntegrationId: bulkId(n), Name: `Bulk ${n}`, Price: (n / 100).toFixed(2),
  }))));

  // Absent (Department): unchanged. Empty (Brand): an empty text. NIL (Cost): xsi:nil, cleared.
  report('products-again', await push([{ ItemIntegrationId: 'SHIRT-S', Brand: '', Cost: NIL }]));
}

async function pushInventory(service) {
  const push = async (InventoryItem) =>
    (await service.UpdateInventoryAsync({ Items: { InventoryItem } }))[0].UpdateInventoryResult;
  const perLocation = [{ LocationId: 'MAIN', Quantity: '5.25' }, { LocationId: 'SHOP', Quantity: -1 }];
  report('inventory', await push([
    { ItemIntegrationId: 'SHIRT-S', LocationQuantities: { LocationQuantity: perLocation } },
    { ItemIntegrationId: 'SHIRT-M', Quantity: 0 },
    { ItemIntegrationId: 'UNKNOWN', Quantity: 1 },
  ]));
  report('inventory-none', await push([]));
  report('inventory-many', await push(thousand((n) => ({ ItemIntegrationId: bulkId(n), Quantity: `${n}.125` }))));
}

async function pushPrices(service) {
  const push = async (PricingItem) =>
    (await service.UpdatePricingAsync({ Items: { PricingItem } }))[0].UpdatePricingResult;
  const sale = {
    ItemIntegrationId: 'SHIRT-S',
    Price: '44.9',
    SalePrice: '39.5050',
    SaleStart: '2030-06-01T06:30:00Z',
    SaleEnd: '2030-06-30T21:59:59Z',
  };
  // A RequestId makes a call safe to repeat: after a time-out send the same id and the same content again,
  // and the stored answer comes back (the same CallId), nothing is applied twice.
  const header = service.addSoapHeader({ RequestId: randomUUID() }, '', 'tns', NS);
  const first = await push([sale]);
  report('pricing', first);
  const again = await push([sale]);
  say('repeat', { SameCall: first.CallId === again.CallId });
  service.getSoapHeaders().splice(header, 1);

  report('pricing-none', await push([]));
  report('pricing-many', await push(thousand((n) => ({ ItemIntegrationId: bulkId(n), Price: `${n}.99` }))));
}

/** GetNew, store, Confirm, until nothing is left. Reading changes nothing: what is not confirmed comes again. */
async function takeOrders(service) {
  let received = 0;
  let calls = 0;
  let first = '';
  for (let more = true; more; ) {
    const answer = (await service.GetNewOrdersAsync({}))[0].GetNewOrdersResult;
    const orders = items(answer.Orders, 'Order');
    if (orders.length === 0) break;
    calls += 1;
    const confirmations = [];
    for (const order of orders) {
      const lines = items(order.Lines, 'OrderLine');
      if (!first) {
        first = order.OrderId;
        say('order', {
          OrderId: order.OrderId, OrderNumber: order.OrderNumber, OrderDate: order.OrderDate,
          FirstName: order.Customer.FirstName, City: order.ShippingAddress.City,
          GrandTotal: order.GrandTotal, Lines: lines.length,
        });
        for (const line of lines) {
          say('line', {
            LineId: line.LineId, Item: line.ItemIntegrationId ?? '', Name: line.Name,
            Quantity: line.QuantityOrdered, UnitPrice: line.UnitPrice,
          });
        }
      }
      // Store the order here, under its OrderId, before it is confirmed.
      confirmations.push(lines.every((line) => line.ItemIntegrationId)
        ? { Id: order.OrderId, PosReceiptNumber: `R-${order.OrderNumber}`, PosCustomerId: 'C-4711' }
        : { Id: order.OrderId, Success: false, ErrorMessage: 'Unbekannter Artikel: Größe?' });
    }
    received += orders.length;
    const confirmed = await service.ConfirmOrdersAsync({ Confirmations: { Confirmation: confirmations } });
    report('orders-confirmed', confirmed[0].ConfirmOrdersResult);
    more = answer.MoreAvailable;
  }
  say('orders', { Received: received, Calls: calls });

  const left = (await service.GetNewOrdersAsync({ MaxRecords: 10 }))[0].GetNewOrdersResult;
  say('orders-left', { Received: items(left.Orders, 'Order').length });
  // Confirming again does no harm.
  const again = await service.ConfirmOrdersAsync(
    { Confirmations: { Confirmation: [{ Id: first }] }, ReturnAllResults: true });
  say('orders-again', { Action: items(again[0].ConfirmOrdersResult.Results, 'ItemResult')[0].Action });
  return first;
}

async function takeTransactions(service) {
  const answer = (await service.GetNewTransactionsAsync({ MaxRecords: 100 }))[0].GetNewTransactionsResult;
  const confirmations = items(answer.Transactions, 'Transaction').map((one) => {
    say('transaction', {
      TransactionId: one.TransactionId, Type: one.Type, TransactionDate: one.TransactionDate,
      GrandTotal: one.GrandTotal, Lines: items(one.Lines, 'TransactionLine').length,
    });
    return { Id: one.TransactionId, PosReceiptNumber: `T-${one.TransactionNumber}` };
  });
  const confirmed = await service.ConfirmTransactionsAsync({ Confirmations: { Confirmation: confirmations } });
  report('transactions-confirmed', confirmed[0].ConfirmTransactionsResult);
}

async function takeCaptures(service) {
  const answer = (await service.GetNewCapturesAsync({ MaxRecords: 100 }))[0].GetNewCapturesResult;
  const confirmations = items(answer.Captures, 'Capture').map((one) => {
    say('capture', {
      CaptureId: one.CaptureId, Type: one.Type, CaptureDate: one.CaptureDate, Amount: one.Amount, Last4: one.Last4,
    });
    return { Id: one.CaptureId };
  });
  confirmations.push({ Id: 'NO-SUCH-ID' });
  const confirmed = await service.ConfirmCapturesAsync({ Confirmations: { Confirmation: confirmations } });
  report('captures-confirmed', confirmed[0].ConfirmCapturesResult);
}

async function ship(service, orderId) {
  const save = async (Shipment) =>
    (await service.SaveShipmentsAsync({ Shipments: { Shipment } }))[0].SaveShipmentsResult;
  const shipment = {
    ShipmentId: 'S-1',
    OrderId: orderId,
    ShipDate: '2026-11-24T10:30:00+01:00',
    Carrier: 'Österreichische Post',
    TrackingNumbers: { TrackingNumber: ['1Z-1', '1Z-2'] },
    Lines: { ShipmentLine: [{ LineId: '1', Quantity: 1 }] },
  };
  report('shipment', await save([shipment]));
  // The same shipment again is a Duplicate; one without lines is refused; the good one counts all the same.
  report('shipment-again', await save([shipment, { ShipmentId: 'S-2', OrderId: orderId }]));
}

async function main() {
  const products = await connect('ProductTasks');
  const orders = await connect('OrderTasks');
  await pushProducts(products);
  await pushInventory(products);
  await pushPrices(products);
  const orderId = await takeOrders(orders);
  await takeTransactions(orders);
  await takeCaptures(orders);
  await ship(orders, orderId);

  // What concerns the whole call is a Fault. Client: do not send it again unchanged. Server: send it again later.
  const wrong = await connect('OrderTasks', 'wrong');
  try {
    await wrong.GetNewOrdersAsync({});
  } catch (error) {
    const fault = error.root.Envelope.Body.Fault;
    say('fault', {
      Code: fault.faultcode ?? fault.Code.Value,                                      // SOAP 1.1, or 1.2
      Message: fault.faultstring ?? fault.Reason.Text.$value ?? fault.Reason.Text,
    });
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
