import type { Metadata } from "next";
import { Suspense } from "react";
import { TasksPage, TasksSkeleton } from "@/components/tasks-page";

export const metadata: Metadata = { title: "Tasks" };

export default function Page() {
  return (
    <Suspense fallback={<TasksSkeleton />}>
      <TasksPage />
    </Suspense>
  );
}
