using System.CommandLine;
using CsiLocal.Cli.Output;
using CsiLocal.Configuration;

namespace CsiLocal.Cli;

/// <summary>The options that every command understands.</summary>
internal sealed class GlobalOptions
{
    public const string EndpointVariable = "CSILOCAL_ENDPOINT";
    public const string DefaultEndpoint = "unix:///run/csilocal/csi.sock";

    /// <summary>Longest wait for one answer where nothing else is asked for: longer than any single command of the daemon.</summary>
    private static readonly TimeSpan DefaultCallTimeout = TimeSpan.FromMinutes(2);

    private readonly Option<string?> _endpoint = new("--endpoint", "-e")
    {
        Description = $"The daemon's socket (environment {EndpointVariable}; default {DefaultEndpoint}).",
        HelpName = "URL",
        Recursive = true,
    };

    private readonly Option<OutputFormat> _output = new("--output", "-o")
    {
        Description = "table for people, json for programs (default table).",
        HelpName = "table|json",
        Recursive = true,
        CustomParser = result => result.ParseWord<OutputFormat>(("table", OutputFormat.Table), ("json", OutputFormat.Json)),
    };

    private readonly Option<TimeSpan?> _timeout = new("--timeout")
    {
        Description = "How long to wait in all, such as 30s or 5m; what the daemon began goes on "
            + "(default: 2m for each call, no limit for copies and erasures).",
        HelpName = "DURATION",
        Recursive = true,
        CustomParser = result => result.ParseText<TimeSpan?>(
            text => Duration.TryParse(text, out var duration) && duration > TimeSpan.Zero ? duration : null, Duration.Expectation),
    };

    private readonly Option<bool> _noColor = new("--no-color")
    {
        Description = "No colours (environment NO_COLOR).",
        Recursive = true,
    };

    public GlobalOptions() => _output.CompletionSources.Add("table", "json");

    public void AddTo(RootCommand root)
    {
        root.Options.Add(_endpoint);
        root.Options.Add(_output);
        root.Options.Add(_timeout);
        root.Options.Add(_noColor);
    }

    /// <summary>The flag as given; null where the environment or the default decides.</summary>
    public string? EndpointFlag(ParseResult parsed) => parsed.GetValue(_endpoint);

    public string Endpoint(ParseResult parsed, CliEnvironment environment)
    {
        var endpoint = parsed.GetValue(_endpoint) ?? environment.Variable(EndpointVariable);
        return string.IsNullOrEmpty(endpoint) ? DefaultEndpoint : endpoint;
    }

    public OutputFormat Output(ParseResult parsed) => parsed.GetValue(_output);

    public bool Color(ParseResult parsed, CliEnvironment environment) =>
        !parsed.GetValue(_noColor) && string.IsNullOrEmpty(environment.Variable("NO_COLOR"));

    public TimeSpan CallTimeout(ParseResult parsed) => parsed.GetValue(_timeout) ?? DefaultCallTimeout;

    /// <summary>Null: no limit to the whole command.</summary>
    public TimeSpan? TotalTimeout(ParseResult parsed) => parsed.GetValue(_timeout);
}
