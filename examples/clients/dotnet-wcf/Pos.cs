// A day of a POS with a WCF service reference (svcutil): all ten operations of the Integration API.
//
//   svcutil /noConfig /n:*,Products /out:ProductTasks.cs https://api.example.com/ProductTasks?wsdl
//   svcutil /noConfig /n:*,Orders   /out:OrderTasks.cs   https://api.example.com/OrderTasks?wsdl
//   csc Pos.cs ProductTasks.cs OrderTasks.cs          (Mono: see README.md)
//   Pos.exe https://api.example.com STORE USER PASSWORD [1.1|1.2]
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Runtime.Serialization;
using System.ServiceModel;
using System.ServiceModel.Channels;
using System.Text;
using System.Threading;
using Orders;
using Products;

// The SOAP header that goes into every call.
[DataContract(Name = "Credentials", Namespace = Pos.Ns)]
class Credentials
{
    [DataMember(Order = 0)] public string StoreId;
    [DataMember(Order = 1)] public string UserName;
    [DataMember(Order = 2)] public string Password;
}

#if MONO
[DataContract(Namespace = Pos.Ns)]
class CallFault
{
    [DataMember(Order = 0)] public string ErrorCode;
    [DataMember(Order = 1)] public string ErrorMessage;
    [DataMember(Order = 2)] public string ErrorHint;
    [DataMember(Order = 3)] public string CallId;
}
#endif

static class Pos
{
    internal const string Ns = "urn:integrator:v1";

    // An optional number, time or boolean is nullable: null is absent (unchanged). A DataContract proxy cannot say nil
    // (cleared) for them; SalePrice 0 clears the sale. A text that is null is absent; "" is an empty text.

    static Credentials credentials;

    static void Main(string[] args)
    {
        Thread.CurrentThread.CurrentCulture = CultureInfo.InvariantCulture;
        Console.OutputEncoding = new UTF8Encoding(false);
        string url = args[0];
        credentials = new Credentials { StoreId = args[1], UserName = args[2], Password = args[3] };
        var binding = Binding(url, args.Length > 4 && args[4] == "1.2");
        var products = new ProductTasksSoapClient(binding, new EndpointAddress(url + "/ProductTasks"));
        var orders = new OrderTasksSoapClient(binding, new EndpointAddress(url + "/OrderTasks"));
        DeclareFaults(products);
        DeclareFaults(orders);
        PushProducts(products);
        PushInventory(products);
        PushPrices(products);
        string orderId = TakeOrders(orders);
        TakeTransactions(orders);
        TakeCaptures(orders);
        Ship(orders, orderId);

        // What concerns the whole call is a FaultException. Client: do not send it again unchanged. Server: later.
        credentials.Password = "wrong";
        try
        {
            Call(orders, () => orders.GetNewOrders(null));
        }
        catch (FaultException fault)
        {
            Say("fault", "Code", fault.Code.Name, "Message", fault.Message);
        }
    }

    // For SOAP 1.1 new BasicHttpBinding(...) is the same. The defaults of the limits are too small for 1,000 orders.
    static Binding Binding(string url, bool twelve)
    {
        var version = MessageVersion.CreateVersion(twelve ? EnvelopeVersion.Soap12 : EnvelopeVersion.Soap11, AddressingVersion.None);
        var encoding = new TextMessageEncodingBindingElement(version, Encoding.UTF8);
        encoding.ReaderQuotas.MaxStringContentLength = encoding.ReaderQuotas.MaxArrayLength = 64 * 1024 * 1024;
        var transport = url.StartsWith("https") ? new HttpsTransportBindingElement() : new HttpTransportBindingElement();
        transport.MaxReceivedMessageSize = transport.MaxBufferSize = 64 * 1024 * 1024;
        return new CustomBinding(encoding, transport) { SendTimeout = TimeSpan.FromMinutes(5) };
    }

    // Microsoft's svcutil reads the declared fault from the WSDL; Mono's leaves it out and then cannot read any fault.
    [Conditional("MONO")]
    static void DeclareFaults<TChannel>(ClientBase<TChannel> client) where TChannel : class
    {
#if MONO
        foreach (var operation in client.Endpoint.Contract.Operations)
            operation.Faults.Add(new System.ServiceModel.Description.FaultDescription("") { DetailType = typeof(CallFault) });
#endif
    }

    // One call with the credentials, and a RequestId if it shall be safe to repeat.
    static T Call<T, TChannel>(ClientBase<TChannel> client, Func<T> operation, string requestId = null) where TChannel : class
    {
        using (new OperationContextScope(client.InnerChannel))
        {
            var headers = OperationContext.Current.OutgoingMessageHeaders;
            headers.Add(MessageHeader.CreateHeader("Credentials", Ns, credentials));
            if (requestId != null) headers.Add(MessageHeader.CreateHeader("RequestId", Ns, requestId));
            return operation();
        }
    }

    static void PushProducts(ProductTasksSoapClient service)
    {
        var shirt = new POSProduct
        {
            ItemIntegrationId = "SHIRT-S",
            StyleId = "SHIRT",
            StyleName = "Chemise d'été",
            Options = new[] { new Products.ProductOption { Name = "Größe", Value = "S" } },
            Name = "Chemise d'été – Größe S 👕",
            LongDescription = "<p>Coton & lin, 100 % naturel</p>",
            Brand = "Müller & Söhne",
            Department = "Été",
            Tags = new ArrayOfTag { "summer", "夏" },
            Price = 49.90m,
            Cost = 17.1234m,
            Quantity = 12.25m,
            Weight = 0.3505m,
            WeightUnit = WeightUnit.kg,
            SellOnline = true,
        };
        var medium = new POSProduct
        {
            ItemIntegrationId = "SHIRT-M",
            StyleId = "SHIRT",
            Options = new[] { new Products.ProductOption { Name = "Größe", Value = "M" } },
            Name = "Chemise d'été – Größe M",
            Price = 49.90m,
        };
        var withoutPrice = new POSProduct { ItemIntegrationId = "BAD-1", Name = "No price" };
        Report("products", Call(service, () => service.UpdatePOSProducts(new[] { shirt, medium, withoutPrice }, null)));
        Report("products-none", Call(service, () => service.UpdatePOSProducts(new POSProduct[0], null)));
        Report("products-many", Call(service, () => service.UpdatePOSProducts(Thousand(n => new POSProduct
        {
            ItemIntegrationId = BulkId(n), Name = "Bulk " + n, Price = n / 100m,
        }), null)));

        // Absent (Department): unchanged. Empty (Brand): an empty text.
        var change = new POSProduct { ItemIntegrationId = "SHIRT-S", Brand = "", Cost = null };
        Report("products-again", Call(service, () => service.UpdatePOSProducts(new[] { change }, null)));
    }

    static void PushInventory(ProductTasksSoapClient service)
    {
        var perLocation = new[]
        {
            new LocationQuantity { LocationId = "MAIN", Quantity = 5.25m },
            new LocationQuantity { LocationId = "SHOP", Quantity = -1 },
        };
        Report("inventory", Call(service, () => service.UpdateInventory(new[]
        {
            new InventoryItem { ItemIntegrationId = "SHIRT-S", LocationQuantities = perLocation },
            new InventoryItem { ItemIntegrationId = "SHIRT-M", Quantity = 0 },
            new InventoryItem { ItemIntegrationId = "UNKNOWN", Quantity = 1 },
        }, null)));
        Report("inventory-none", Call(service, () => service.UpdateInventory(new InventoryItem[0], null)));
        Report("inventory-many", Call(service, () => service.UpdateInventory(Thousand(n => new InventoryItem
        {
            ItemIntegrationId = BulkId(n), Quantity = n + 0.125m,
        }), null)));
    }

    static void PushPrices(ProductTasksSoapClient service)
    {
        var sale = new PricingItem
        {
            ItemIntegrationId = "SHIRT-S",
            Price = 44.9m,
            SalePrice = 39.5050m,
            SaleStart = new DateTime(2030, 6, 1, 6, 30, 0, DateTimeKind.Utc),
            SaleEnd = new DateTime(2030, 6, 30, 21, 59, 59, DateTimeKind.Utc),
        };
        // A RequestId makes a call safe to repeat: after a time-out send the same id and the same content again,
        // and the stored answer comes back (the same CallId), nothing is applied twice.
        string requestId = Guid.NewGuid().ToString();
        var first = Call(service, () => service.UpdatePricing(new[] { sale }, null), requestId);
        Report("pricing", first);
        var again = Call(service, () => service.UpdatePricing(new[] { sale }, null), requestId);
        Say("repeat", "SameCall", first.CallId == again.CallId ? "true" : "false");
        Report("pricing-none", Call(service, () => service.UpdatePricing(new PricingItem[0], null)));
        Report("pricing-many", Call(service, () => service.UpdatePricing(Thousand(n => new PricingItem
        {
            ItemIntegrationId = BulkId(n), Price = n + 0.99m,
        }), null)));
    }

    // GetNew, store, Confirm, until nothing is left. Reading changes nothing: what is not confirmed comes again.
    static string TakeOrders(OrderTasksSoapClient service)
    {
        int received = 0, calls = 0;
        string first = null;
        for (bool more = true; more;)
        {
            var answer = Call(service, () => service.GetNewOrders(null));
            var orders = answer.Orders ?? new Order[0];
            if (orders.Length == 0) break;
            calls++;
            var confirmations = new List<Confirmation>();
            foreach (var order in orders)
            {
                var lines = order.Lines ?? new OrderLine[0];
                if (first == null)
                {
                    first = order.OrderId;
                    Say("order", "OrderId", order.OrderId, "OrderNumber", order.OrderNumber,
                        "OrderDate", Utc(order.OrderDate), "FirstName", order.Customer.FirstName,
                        "City", order.ShippingAddress.City, "GrandTotal", order.GrandTotal, "Lines", lines.Length);
                    foreach (var line in lines)
                        Say("line", "LineId", line.LineId, "Item", line.ItemIntegrationId, "Name", line.Name,
                            "Quantity", line.QuantityOrdered, "UnitPrice", line.UnitPrice);
                }
                // Store the order here, under its OrderId, before it is confirmed.
                confirmations.Add(lines.All(line => line.ItemIntegrationId != "")
                    ? new Confirmation { Id = order.OrderId, PosReceiptNumber = "R-" + order.OrderNumber, PosCustomerId = "C-4711" }
                    : new Confirmation { Id = order.OrderId, Success = false, ErrorMessage = "Unbekannter Artikel: Größe?" });
            }
            received += orders.Length;
            Report("orders-confirmed", Call(service, () => service.ConfirmOrders(confirmations.ToArray(), null)));
            more = answer.MoreAvailable;
        }
        Say("orders", "Received", received, "Calls", calls);

        var left = Call(service, () => service.GetNewOrders(10));
        Say("orders-left", "Received", left.Orders == null ? 0 : left.Orders.Length);
        // Confirming again does no harm.
        var again = Call(service, () => service.ConfirmOrders(new[] { new Confirmation { Id = first } }, true));
        Say("orders-again", "Action", again.Results[0].Action);
        return first;
    }

    static void TakeTransactions(OrderTasksSoapClient service)
    {
        var answer = Call(service, () => service.GetNewTransactions(100));
        var confirmations = new List<Confirmation>();
        foreach (var one in answer.Transactions ?? new Transaction[0])
        {
            Say("transaction", "TransactionId", one.TransactionId, "Type", one.Type,
                "TransactionDate", Utc(one.TransactionDate), "GrandTotal", one.GrandTotal,
                "Lines", one.Lines == null ? 0 : one.Lines.Length);
            confirmations.Add(new Confirmation { Id = one.TransactionId, PosReceiptNumber = "T-" + one.TransactionNumber });
        }
        Report("transactions-confirmed", Call(service, () => service.ConfirmTransactions(confirmations.ToArray(), null)));
    }

    static void TakeCaptures(OrderTasksSoapClient service)
    {
        var answer = Call(service, () => service.GetNewCaptures(100));
        var confirmations = new List<Confirmation>();
        foreach (var one in answer.Captures ?? new Capture[0])
        {
            Say("capture", "CaptureId", one.CaptureId, "Type", one.Type, "CaptureDate", Utc(one.CaptureDate),
                "Amount", one.Amount, "Last4", one.Last4);
            confirmations.Add(new Confirmation { Id = one.CaptureId });
        }
        confirmations.Add(new Confirmation { Id = "NO-SUCH-ID" });
        Report("captures-confirmed", Call(service, () => service.ConfirmCaptures(confirmations.ToArray(), null)));
    }

    static void Ship(OrderTasksSoapClient service, string orderId)
    {
        var shipment = new Shipment
        {
            ShipmentId = "S-1",
            OrderId = orderId,
            ShipDate = new DateTime(2026, 11, 24, 9, 30, 0, DateTimeKind.Utc),
            Carrier = "Österreichische Post",
            TrackingNumbers = new ArrayOfTrackingNumber { "1Z-1", "1Z-2" },
            Lines = new[] { new ShipmentLine { LineId = "1", Quantity = 1 } },
        };
        Report("shipment", Call(service, () => service.SaveShipments(new[] { shipment }, null)));
        // The same shipment again is a Duplicate; one without lines is refused; the good one counts all the same.
        var empty = new Shipment { ShipmentId = "S-2", OrderId = orderId };
        Report("shipment-again", Call(service, () => service.SaveShipments(new[] { shipment, empty }, null)));
    }

    // The totals of a call, and each item that it did not take: correct those and send them again.
    static void Report(string topic, Products.CallResult result)
    {
        Say(topic, "Received", result.Received, "Applied", result.Applied, "Unchanged", result.Unchanged, "Failed", result.Failed);
        foreach (var one in (result.Results ?? new Products.ItemResult[0]).Where(one => !one.Success))
            Problem(topic, one.Index, one.Id, one.ErrorCode, one.ErrorField, one.ErrorMessage, one.ErrorHint);
    }

    static void Report(string topic, Orders.CallResult result)
    {
        Say(topic, "Received", result.Received, "Applied", result.Applied, "Unchanged", result.Unchanged, "Failed", result.Failed);
        foreach (var one in (result.Results ?? new Orders.ItemResult[0]).Where(one => !one.Success))
            Problem(topic, one.Index, one.Id, one.ErrorCode, one.ErrorField, one.ErrorMessage, one.ErrorHint);
    }

    static void Problem(string topic, int index, string id, string code, string field, string message, string hint)
    {
        Say("problem", "Call", topic, "Index", index, "Id", id, "Code", code, "Field", field);
        Console.Error.WriteLine(message + " " + hint);
    }

    static void Say(string topic, params object[] pairs)
    {
        var line = new StringBuilder(topic);
        for (int n = 0; n < pairs.Length; n += 2)
            line.Append('\t').Append(pairs[n]).Append('=').Append(pairs[n + 1]);
        Console.WriteLine(line);
    }

    static string BulkId(int n) { return "BULK-" + n.ToString("0000"); }

    static string Utc(DateTime moment) { return moment.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ssZ"); }

    static T[] Thousand<T>(Func<int, T> make) { return Enumerable.Range(1, 1000).Select(make).ToArray(); }
}
