using System.Runtime.InteropServices;
using CsiLocal.Cli;

namespace CsiLocal;

internal static class Program
{
    private static async Task<int> Main(string[] arguments)
    {
        using var stop = new CancellationTokenSource();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, RequestStop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, RequestStop);
        return await CliApplication.RunAsync(arguments, ProcessEnvironment.Capture(), stop.Token);

        // The first signal asks, a second one finds the default action and ends the process.
        void RequestStop(PosixSignalContext signal)
        {
            signal.Cancel = !stop.IsCancellationRequested;
            stop.Cancel();
        }
    }
}
