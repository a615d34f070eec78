using System.Diagnostics;
using System.Runtime.CompilerServices;
using CsiLocal.State;

namespace CsiLocal.Tests.State;

/// <summary>This test binary run once more as the process that is to be killed.</summary>
internal static class ChildProcess
{
    private const string Variable = "CSILOCAL_TEST_CHILD";

    public static Process Start(string role, string stateDirectory)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        // Under `dotnet test` the process is the dotnet host, which needs the assembly's name.
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Add(typeof(ChildProcess).Assembly.Location);
        start.Environment[Variable] = $"{role}:{stateDirectory}";
        return Process.Start(start)!;
    }

    /// <summary>Runs before Main; in the parent it does nothing.</summary>
    [ModuleInitializer]
    internal static void RunAsChild()
    {
        if (Environment.GetEnvironmentVariable(Variable)?.Split(':', 2) is not [var role, var stateDirectory])
            return;

        switch (role)
        {
            case "hold":
                using (StateDirectoryLock.Acquire(stateDirectory))
                {
                    Console.WriteLine("held");
                    new ManualResetEvent(false).WaitOne(TimeSpan.FromMinutes(1));
                }

                break;
            case "commit":
                Commit(stateDirectory);
                break;
        }

        Environment.Exit(0);
    }

    /// <summary>Says a name only after its commit; ends by itself when nobody listens.</summary>
    private static void Commit(string stateDirectory)
    {
        using var store = StateStore.Open(stateDirectory, TimeProvider.System);
        using var output = new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true };
        for (var i = 0; i < 1_000_000; i++)
        {
            var volume = Samples.Volume($"pvc-{i}");
            store.InTransaction(() =>
            {
                store.InsertVolume(volume);
                store.PutTask(Samples.Task(volume.Id.Value));
            });
            output.WriteLine(volume.Name);
        }
    }
}
