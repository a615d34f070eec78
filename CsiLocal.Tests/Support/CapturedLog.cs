using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace CsiLocal.Tests.Support;

/// <summary>Every line the driver logs, at every level.</summary>
internal sealed class CapturedLog : ILoggerFactory, ILogger
{
    private readonly ConcurrentQueue<string> lines = new();
    private readonly ConcurrentQueue<(string Category, IReadOnlyDictionary<string, object?> Fields)> records = new();

    /// <summary>Called with each line on the thread that logs it.</summary>
    public Action<string> OnLine { get; set; } = static _ => { };

    public IReadOnlyList<string> Lines => [.. lines];

    /// <summary>The named values of each line of a category.</summary>
    public IReadOnlyList<IReadOnlyDictionary<string, object?>> FieldsOf(string category) =>
        [.. records.Where(record => record.Category == category).Select(static record => record.Fields)];

    public ILogger CreateLogger(string categoryName) => new Category(this, categoryName);

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

    private sealed class Category(CapturedLog log, string name) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (state is IEnumerable<KeyValuePair<string, object?>> fields)
                log.records.Enqueue((name, fields.ToDictionary()));
            log.Log(logLevel, eventId, state, exception, formatter);
        }
    }
}
