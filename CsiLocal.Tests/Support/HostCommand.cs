using System.Diagnostics;

namespace CsiLocal.Tests.Support;

/// <summary>A tool of the host, to prepare what a test looks at and to look at it from outside of the driver.</summary>
internal static class HostCommand
{
    /// <summary>Runs it to its end; a failure fails the test.</summary>
    public static string Run(string program, params IReadOnlyList<string> arguments)
    {
        using var process = Start(program, arguments);
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: exit code {process.ExitCode}: {error.GetAwaiter().GetResult()}");
    }

    public static Process Start(string program, params IReadOnlyList<string> arguments) =>
        Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
}
