using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace CsiLocal.Tests.Support;

/// <summary>Every line the driver logs, at every level.</summary>
internal sealed class CapturedLog : ILoggerFactory, ILogger
{
    private readonly ConcurrentQueue<string> lines = new();

    /// <summary>Called with each line on the thread that logs it.</summary>
    public Action<string> OnLine { get; set; } = static _ => { };

    public IReadOnlyList<string> Lines => [.. lines];

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        var line = $"{logLevel}: {formatter(state, exception)} {exception}";
        lines.Enqueue(line);
        OnLine(line);
    }

    public void Dispose()
    {
    }
}
