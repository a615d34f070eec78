using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using CsiLocal.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace CsiLocal.Tests.Hosting;

public sealed class MetricsTests
{
    [Fact]
    public void What_a_person_has_to_look_at_is_counted_by_its_kind()
    {
        var what = $"is {Guid.NewGuid()}";
        var counted = new ConcurrentBag<long>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = static (instrument, listening) =>
        {
            if (instrument.Meter.Name == Metrics.MeterName)
                listening.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, count, tags, _) =>
        {
            if (instrument.Name == "csilocal.attention" && tags is [{ Key: "what", Value: string kind }] && kind == what)
                counted.Add(count);
        });
        listener.Start();

        Log.NeedsAttention(NullLogger.Instance, "v1", what, "so it is");
        Log.NeedsAttention(NullLogger.Instance, "v2", what, "so is that");

        Assert.Equal(2, counted.Sum());
    }
}
