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

    /// <summary>Unmounts what this test has mounted.</summary>
    /// <remarks>A child that another test starts at this moment has a copy of each descriptor, closed only by its exec: for so long the mount is busy.</remarks>
    public static void Unmount(string path)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                Run("umount", path);
                return;
            }
            catch (InvalidOperationException e) when (tries < 50 && e.Message.Contains("busy", StringComparison.Ordinal))
            {
                Thread.Sleep(20);
            }
        }
    }

    public static Process Start(string program, params IReadOnlyList<string> arguments) =>
        Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
}
