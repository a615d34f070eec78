using System.Runtime.InteropServices;
using CsiLocal.Configuration;
using CsiLocal.Rpc;
using CsiLocal.Volumes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace CsiLocal.Hosting;

/// <summary>How the daemon logs.</summary>
/// <param name="Level">The least level shown.</param>
/// <param name="Json">One JSON object a line instead of text.</param>
internal sealed record LogOptions(LogLevel Level, bool Json);

/// <summary>The daemon as a process: from its flags to its exit, with SIGHUP in between.</summary>
internal static class DriverProcess
{
    /// <summary>Serves until <paramref name="stop"/> is cancelled (SIGTERM, SIGINT), then drains.</summary>
    /// <exception cref="ConfigurationException">With every problem.</exception>
    /// <exception cref="StorageException">Another daemon has the state directory or the endpoint, or the state cannot be used.</exception>
    public static async Task RunAsync(DriverFlags flags, LogOptions logging, CancellationToken stop)
    {
        var resolver = DriverOptionsResolver.ForThisProcess();
        var options = resolver.Resolve(flags);
        using var loggers = LoggerFactory.Create(builder => Configure(builder, logging));
        var started = new TaskCompletionSource<DriverHost>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal =>
        {
            signal.Cancel = true;
            _ = ReloadAsync(started.Task, stop);
        });
        DriverHost host;
        try
        {
            host = await DriverHost.StartAsync(options, () => resolver.Resolve(flags), loggers, TimeProvider.System, new DriverSeams(), stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Told to stop before it was ready: nothing was served, what start-up began is finished by the next one.
            return;
        }

        await using (host)
        {
            started.SetResult(host);
            var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            using (stop.Register(stopped.SetResult))
                await stopped.Task;
        }
    }

    /// <summary>One that comes while the driver starts is carried out when it has.</summary>
    private static async Task ReloadAsync(Task<DriverHost> started, CancellationToken stop)
    {
        try
        {
            var host = await started.WaitAsync(stop);
            await host.Services.Reloader.ReloadAsync(stop);
        }
        catch (StorageException)
        {
            // Logged by the reloader, problem by problem: nobody waits for the answer of a signal.
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Stopping.
        }
    }

    private static void Configure(ILoggingBuilder builder, LogOptions logging)
    {
        builder.SetMinimumLevel(logging.Level);
        builder.AddFilter("Microsoft", LogLevel.Warning);

        // Who changed what is on record whatever the level: it is asked for after the fact.
        builder.AddFilter(CallInterceptor.AuditCategory, LogLevel.Information);

        // Standard output is for answers; the log goes to standard error.
        builder.Services.Configure<ConsoleLoggerOptions>(static console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        if (logging.Json)
        {
            builder.AddJsonConsole(static json =>
            {
                json.UseUtcTimestamp = true;
                json.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";
            });
        }
        else
        {
            builder.AddSimpleConsole(static text =>
            {
                text.SingleLine = true;
                text.TimestampFormat = "HH:mm:ss.fff ";
            });
        }
    }
}
