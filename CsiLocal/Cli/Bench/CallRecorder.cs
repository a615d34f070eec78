using Grpc.Core;

namespace CsiLocal.Cli.Bench;

/// <summary>Collects how long each call took and which ones failed. Safe for concurrent use.</summary>
internal sealed class CallRecorder(TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly List<string> _order = [];
    private readonly Dictionary<string, Samples> _samples = [];

    /// <summary>The RPCs in the order in which they were first made.</summary>
    public IReadOnlyList<RpcFigures> Figures()
    {
        lock (_lock)
            return [.. _order.Select(rpc => Summarize(rpc, _samples[rpc]))];
    }

    public IReadOnlyList<RpcError> Errors()
    {
        lock (_lock)
            return [.. _order.SelectMany(rpc => _samples[rpc].Errors.Values)];
    }

    /// <exception cref="RpcException">The call failed, which has been counted.</exception>
    public async Task<T> MeasureAsync<T>(string rpc, Func<Task<T>> call)
    {
        var start = time.GetTimestamp();
        try
        {
            var result = await call();
            Add(rpc, start, null);
            return result;
        }
        catch (RpcException e)
        {
            Add(rpc, start, e.Status);
            throw;
        }
    }

    private void Add(string rpc, long start, Status? failure)
    {
        var end = time.GetTimestamp();
        lock (_lock)
        {
            if (!_samples.TryGetValue(rpc, out var samples))
            {
                _order.Add(rpc);
                _samples.Add(rpc, samples = new Samples(start));
            }

            samples.FirstStart = Math.Min(samples.FirstStart, start);
            samples.LastEnd = Math.Max(samples.LastEnd, end);
            samples.Calls++;
            if (failure is { } status)
                samples.AddError(rpc, status);
            else
                samples.Milliseconds.Add(time.GetElapsedTime(start, end).TotalMilliseconds);
        }
    }

    private RpcFigures Summarize(string rpc, Samples samples)
    {
        var sorted = samples.Milliseconds.ToArray();
        Array.Sort(sorted);
        var seconds = time.GetElapsedTime(samples.FirstStart, samples.LastEnd).TotalSeconds;
        return new RpcFigures(rpc, samples.Calls, samples.Calls - sorted.Length)
        {
            P50Ms = Percentiles.Of(sorted, 50),
            P90Ms = Percentiles.Of(sorted, 90),
            P99Ms = Percentiles.Of(sorted, 99),
            MaxMs = Percentiles.Of(sorted, 100),
            MeanMs = sorted.Length == 0 ? null : sorted.Average(),
            CallsPerSecond = sorted.Length == 0 || seconds <= 0 ? null : sorted.Length / seconds,
        };
    }

    private sealed class Samples(long firstStart)
    {
        public long FirstStart { get; set; } = firstStart;

        public long LastEnd { get; set; }

        public int Calls { get; set; }

        public List<double> Milliseconds { get; } = [];

        public Dictionary<StatusCode, RpcError> Errors { get; } = [];

        // The first message of each kind stands for the rest: they mostly differ in the id only.
        public void AddError(string rpc, Status status) => Errors[status.StatusCode] = Errors.TryGetValue(status.StatusCode, out var known)
            ? known with { Count = known.Count + 1 }
            : new RpcError(rpc, status.StatusCode, 1, status.Detail);
    }
}

/// <summary>The figures of one RPC; times are those of the calls that succeeded, null where none did.</summary>
internal sealed record RpcFigures(string Rpc, int Calls, int Failures)
{
    public double? P50Ms { get; init; }

    public double? P90Ms { get; init; }

    public double? P99Ms { get; init; }

    public double? MaxMs { get; init; }

    public double? MeanMs { get; init; }

    /// <summary>Successful calls over the time from the first one's start to the last one's end.</summary>
    public double? CallsPerSecond { get; init; }
}

internal sealed record RpcError(string Rpc, StatusCode Code, int Count, string Message);
